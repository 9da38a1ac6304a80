#pragma once
/// @file  Handlers in shared libraries, from C++17 on: a wrapper over oiab_plugin.h that needs nothing but headers.
///
///     static oiab::sdk::Outcome handle(const oiab::sdk::Job& job, oiab::sdk::Api& api) {
///         api.log(oiab::sdk::LogLevel::kInfo, "at work");
///         return oiab::sdk::Outcome::completed("{\"done\": true}");
///     }
///     OIAB_PLUGIN(handle)
///
/// The function is called from several threads at once, for different jobs, and may block. What it throws becomes a
/// retry with the exception's text.

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "oiab_plugin.h"

namespace oiab::sdk {

/// The attempt is no longer ours; let it pass through.
class LeaseLost : public std::runtime_error {
public:
    LeaseLost() : std::runtime_error{"the attempt is no longer ours"} {}
};

enum class LogLevel {
    kDebug = OIAB_LOG_DEBUG,
    kInfo = OIAB_LOG_INFO,
    kWarning = OIAB_LOG_WARNING,
    kError = OIAB_LOG_ERROR
};

/// One job; views live as long as the call.
class Job {
public:
    explicit Job(const oiab_job& job) : job_{job} {}

    [[nodiscard]] std::string_view id() const { return job_.id; }
    [[nodiscard]] std::string_view kind() const { return job_.kind; }
    [[nodiscard]] std::string_view payload() const { return job_.payload; }  ///< JSON text
    [[nodiscard]] std::optional<std::string_view> tenant_id() const { return maybe(job_.tenant_id); }
    [[nodiscard]] std::optional<std::string_view> user_id() const { return maybe(job_.user_id); }
    [[nodiscard]] std::optional<std::string_view> serial_key() const { return maybe(job_.serial_key); }
    [[nodiscard]] std::optional<std::string_view> dedupe_key() const { return maybe(job_.dedupe_key); }
    [[nodiscard]] int attempt() const { return job_.attempt; }
    [[nodiscard]] int max_attempts() const { return job_.max_attempts; }
    /// Until this attempt is cancelled, counted from the call; unset for never.
    [[nodiscard]] std::optional<std::chrono::milliseconds> timeout() const {
        if (job_.timeout_ms < 0) return std::nullopt;
        return std::chrono::milliseconds{job_.timeout_ms};
    }

private:
    static std::optional<std::string_view> maybe(const char* text) {
        if (text == nullptr) return std::nullopt;
        return std::string_view{text};
    }
    const oiab_job& job_;
};

/// A job to enqueue; what is left empty gets the default.
struct NewJob {
    std::string kind;
    std::string payload = "{}";
    std::string dedupe_key = {};
    std::string serial_key = {};
    std::chrono::milliseconds delay{0};
    int max_attempts = 0;
    int priority = 0;
    std::chrono::seconds timeout{0};
};

/// What the daemon does for the handler. Throws LeaseLost where the attempt is no longer ours, std::invalid_argument
/// for malformed arguments, and std::runtime_error for trouble that a retry may get over.
class Api {
public:
    explicit Api(const oiab_api& api) : api_{api} {}

    [[nodiscard]] bool cancelled() const { return api_.cancelled(api_.context) != 0; }
    void log(LogLevel level, const std::string& message) {
        api_.log(api_.context, static_cast<int>(level), message.c_str());
    }
    void progress(const std::string& json) { check(api_.progress(api_.context, json.c_str()), "progress"); }
    void heartbeat() { api_.heartbeat(api_.context); }

    /// @returns the id of the job that is there now.
    std::string enqueue(const NewJob& job) {
        oiab_new_job plain{};
        plain.size = sizeof plain;
        plain.kind = job.kind.c_str();
        plain.payload = job.payload.c_str();
        plain.dedupe_key = job.dedupe_key.empty() ? nullptr : job.dedupe_key.c_str();
        plain.serial_key = job.serial_key.empty() ? nullptr : job.serial_key.c_str();
        plain.delay_ms = job.delay.count();
        plain.max_attempts = job.max_attempts;
        plain.priority = job.priority;
        plain.timeout_seconds = static_cast<std::int32_t>(job.timeout.count());
        char id[37] = {};
        check(api_.enqueue(api_.context, &plain, id), "enqueue");
        return id;
    }

private:
    static void check(int answer, const char* what) {
        if (answer == OIAB_LEASE_LOST) throw LeaseLost{};
        if (answer == OIAB_INVALID) throw std::invalid_argument{std::string{"malformed argument to "} + what};
        if (answer != OIAB_OK) throw std::runtime_error{std::string{"no success with "} + what};
    }
    const oiab_api& api_;
};

class Outcome {
public:
    static Outcome completed(std::string result_json = {}) { return {OIAB_COMPLETED, std::move(result_json), -1}; }
    static Outcome retry(std::string error) { return {OIAB_RETRY, std::move(error), -1}; }
    static Outcome retry(std::string error, std::chrono::milliseconds after) {
        return {OIAB_RETRY, std::move(error), after.count()};
    }
    static Outcome failed(std::string error) { return {OIAB_FAILED, std::move(error), -1}; }
    static Outcome invalid_payload(std::string error) { return {OIAB_INVALID_PAYLOAD, std::move(error), -1}; }
    static Outcome snoozed(std::chrono::milliseconds after) { return {OIAB_SNOOZED, {}, after.count()}; }

    void write(const oiab_api& api, oiab_outcome& outcome) const {
        outcome.kind = kind_;
        outcome.after_ms = after_ms_;
        if (!text_.empty()) api.set_text(&outcome, text_.c_str());
    }

private:
    Outcome(std::int32_t kind, std::string text, std::int64_t after_ms)
        : kind_{kind}, text_{std::move(text)}, after_ms_{after_ms} {}

    std::int32_t kind_;
    std::string text_;
    std::int64_t after_ms_;
};

/// What OIAB_PLUGIN exports.
template <typename Function>
int handle(Function function, const oiab_job* job, const oiab_api* api, oiab_outcome* outcome) noexcept {
    try {
        Api wrapped{*api};
        function(Job{*job}, wrapped).write(*api, *outcome);
        return 0;
    } catch (const std::exception& failure) {
        outcome->kind = OIAB_RETRY;
        api->set_text(outcome, failure.what());
        return 0;
    } catch (...) {  // nothing may cross the C boundary
        return 1;
    }
}

}  // namespace oiab::sdk

#define OIAB_PLUGIN(function)                                                                                          \
    extern "C" __attribute__((visibility("default"))) uint32_t oiab_plugin_abi() { return OIAB_PLUGIN_ABI; }           \
    extern "C" __attribute__((visibility("default"))) int oiab_plugin_handle(const oiab_job* job, const oiab_api* api, \
                                                                             oiab_outcome* outcome) {                  \
        return ::oiab::sdk::handle(function, job, api, outcome);                                                       \
    }

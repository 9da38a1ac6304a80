#include "plugin/library_call.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <nlohmann/json.hpp>
#include <utility>

#include "clients/utf8.hpp"
#include "core/json_text.hpp"
#include "plugin/job_document.hpp"

namespace oiab::plugin {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

std::string text_or_empty(const char* text) { return text == nullptr ? std::string{} : clients::to_valid_utf8(text); }

const char* pointer_to(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

LogLevel level_of(int level) {
    constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError};
    return kLevels[std::clamp(level, 0, 3)];
}

}  // namespace

LibraryCall::LibraryCall(Attempt& attempt, asio::any_io_executor executor)
    : attempt_{attempt}, executor_{std::move(executor)} {}

/// The attempt's coroutine is suspended meanwhile, so its executor is free to run this.
template <typename Result>
Result LibraryCall::wait_for(asio::awaitable<Result> work) {
    return asio::co_spawn(executor_, std::move(work), asio::use_future).get();
}

/// Nothing may be thrown into the plugin.
template <typename Work>
int LibraryCall::guarded(Work work) noexcept {
    try {
        return work();
    } catch (const LeaseLost&) {
        lease_lost_ = true;
        return OIAB_LEASE_LOST;
    } catch (const std::exception& failure) {
        attempt_.log(LogLevel::kWarning, std::string{"a plugin's call failed: "} + failure.what());
        return OIAB_ERROR;
    }
}

core::Outcome LibraryCall::run(oiab_plugin_handle_function function) {
    const core::Job& job = attempt_.job();
    const std::string id = job.id.to_string();
    std::optional<std::string> tenant;
    std::optional<std::string> user;
    if (job.tenant_id) tenant = job.tenant_id->to_string();
    if (job.user_id) user = job.user_id->to_string();
    const bool bounded = attempt_.deadline().at() != core::Deadline::never().at();
    oiab_job plain{};
    plain.size = sizeof plain;
    plain.id = id.c_str();
    plain.kind = job.kind.c_str();
    plain.payload = job.payload.c_str();
    plain.tenant_id = pointer_to(tenant);
    plain.user_id = pointer_to(user);
    plain.serial_key = pointer_to(job.serial_key);
    plain.dedupe_key = pointer_to(job.dedupe_key);
    plain.attempt = job.attempt;
    plain.max_attempts = job.max_attempts;
    plain.timeout_ms = bounded ? attempt_.deadline().left().count() : -1;

    oiab_api api{};
    api.size = sizeof api;
    api.context = this;
    api.cancelled = [](void* self) { return static_cast<LibraryCall*>(self)->attempt_.cancelled() ? 1 : 0; };
    api.log = [](void* self, int level, const char* message) {
        auto& call = *static_cast<LibraryCall*>(self);
        static_cast<void>(call.guarded([&] {
            call.attempt_.log(level_of(level), text_or_empty(message));
            return OIAB_OK;
        }));
    };
    api.progress = [](void* self, const char* text) {
        auto& call = *static_cast<LibraryCall*>(self);
        return call.guarded([&] {
            json value = core::parse_foreign_json(text_or_empty(text));
            if (value.is_discarded()) return OIAB_INVALID;
            if (!call.wait_for(call.attempt_.progress(std::move(value)))) throw LeaseLost{};
            return OIAB_OK;
        });
    };
    api.heartbeat = [](void* self) { static_cast<LibraryCall*>(self)->attempt_.heartbeat(); };
    api.enqueue = [](void* self, const oiab_new_job* new_job, char* new_id) {
        auto& call = *static_cast<LibraryCall*>(self);
        return call.guarded([&] { return new_job == nullptr ? OIAB_INVALID : call.enqueue(*new_job, new_id); });
    };
    api.set_text = [](oiab_outcome* outcome, const char* text) {
        if (outcome == nullptr || outcome->host == nullptr) return OIAB_INVALID;
        auto& call = *static_cast<LibraryCall*>(outcome->host);
        return call.guarded([&] {
            call.text_ = text_or_empty(text);
            return OIAB_OK;
        });
    };

    oiab_outcome outcome{sizeof outcome, OIAB_RETRY, -1, this};
    const int answer = function(&plain, &api, &outcome);
    if (lease_lost_) throw LeaseLost{};
    if (answer != 0) return core::retry("the plugin returned " + std::to_string(answer));
    return read(outcome);
}

int LibraryCall::enqueue(const oiab_new_job& plain, char* id) {
    if (plain.kind == nullptr || *plain.kind == '\0' || plain.delay_ms < 0 || plain.timeout_seconds < 0)
        return OIAB_INVALID;
    core::NewJob job;
    job.kind = text_or_empty(plain.kind);
    if (plain.payload != nullptr) {
        const json payload = core::parse_foreign_json(text_or_empty(plain.payload));
        if (payload.is_discarded()) return OIAB_INVALID;
        job.payload = core::storable_json(payload);
    }
    if (plain.dedupe_key != nullptr) job.dedupe_key = text_or_empty(plain.dedupe_key);
    if (plain.serial_key != nullptr) job.serial_key = text_or_empty(plain.serial_key);
    if (plain.delay_ms > 0) job.delay = std::chrono::milliseconds{plain.delay_ms};
    if (plain.max_attempts > 0) job.max_attempts = plain.max_attempts;
    if (plain.priority != 0) job.priority = plain.priority;
    if (plain.timeout_seconds > 0) job.timeout = std::chrono::seconds{plain.timeout_seconds};
    job.tenant_id = attempt_.job().tenant_id;
    job.user_id = attempt_.job().user_id;
    const core::Enqueued enqueued = wait_for(attempt_.enqueue(std::move(job)));
    if (id != nullptr) {
        const std::string text = enqueued.id.to_string();
        text.copy(id, 36);
        id[36] = '\0';
    }
    return OIAB_OK;
}

core::Outcome LibraryCall::read(const oiab_outcome& outcome) const {
    const std::string error = text_.empty() ? "the plugin gave no reason" : presentable(text_);
    std::optional<std::chrono::milliseconds> after;
    if (outcome.after_ms >= 0) after = std::chrono::milliseconds{outcome.after_ms};
    switch (outcome.kind) {
        case OIAB_COMPLETED: {
            if (text_.empty()) return core::completed();
            const json result = core::parse_foreign_json(text_);
            if (result.is_discarded()) return core::retry("the plugin's result is not JSON");
            return core::completed(core::storable_json(result));
        }
        case OIAB_RETRY: return core::retry(error, after);
        case OIAB_FAILED: return core::failed(core::FailureReason::kError, error);
        case OIAB_INVALID_PAYLOAD: return core::invalid_payload(error);
        case OIAB_SNOOZED: return core::snoozed(after.value_or(std::chrono::milliseconds::zero()));
        default: return core::retry("the plugin named an outcome that there is not: " + std::to_string(outcome.kind));
    }
}

}  // namespace oiab::plugin

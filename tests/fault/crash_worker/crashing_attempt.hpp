#pragma once
/// @file  An attempt that kills its own process at chosen points of its steps: what a machine does that loses power.
/// Everything else it forwards. For the crash worker; one attempt's.

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "oiab/attempt.hpp"
#include "oiab/handler.hpp"

namespace oiab::tests {

/// A moment in the life of a step.
enum class CrashPoint {
    kBeforeIntent,  ///< nothing is recorded of it
    kAfterIntent,   ///< recorded as begun, before the body
    kDuring,        ///< a few milliseconds into the body
    kAfterEffect,   ///< the body is done, nothing of its result is recorded
    kInSettle,      ///< in the transaction that records the result, before its commit
    kAfterSettle,   ///< the result is recorded
};
inline constexpr const char* kCrashPoints[] = {"before_intent", "after_intent", "during",
                                               "after_effect",  "in_settle",    "after_settle"};

/// Which steps of a job crash where, as its payload says: {"crashes": [["model-1", "after_effect"], …]}. Each once over
/// all attempts and processes: a file tells that it happened.
class CrashPlan {
public:
    CrashPlan(const core::Job& job, std::filesystem::path directory);

    /// Ends the process where the plan says so, and this crash has not happened yet.
    void crash_if_due(const std::string& step, CrashPoint point) const;
    [[nodiscard]] bool contains(const std::string& step, CrashPoint point) const;

private:
    std::string job_;
    std::filesystem::path directory_;
    std::set<std::pair<std::string, std::string>> crashes_;
};

class CrashingAttempt final : public Attempt {
public:
    CrashingAttempt(Attempt& inner, CrashPlan plan) : inner_{inner}, plan_{std::move(plan)} {}

    [[nodiscard]] const core::Job& job() const noexcept override { return inner_.job(); }
    [[nodiscard]] core::Deadline deadline() const noexcept override { return inner_.deadline(); }
    [[nodiscard]] std::optional<core::CancelReason> cancelled() const noexcept override { return inner_.cancelled(); }
    void log(LogLevel level, std::string_view message) override { inner_.log(level, message); }
    [[nodiscard]] pg::LaneGroup& store() noexcept override { return inner_.store(); }
    void share_transactions(bool shared) noexcept override { inner_.share_transactions(shared); }
    void guard_in(pg::Transaction& tx) override { inner_.guard_in(tx); }
    core::Enqueued enqueue_in(pg::Transaction& tx, const core::NewJob& job) override {
        return inner_.enqueue_in(tx, job);
    }
    boost::asio::awaitable<core::Enqueued> enqueue(core::NewJob job) override { return inner_.enqueue(std::move(job)); }
    boost::asio::awaitable<core::Outcome> complete_in(std::function<std::string(pg::Transaction&)> body) override;
    nlohmann::json step_in(pg::Transaction& tx, const std::string& name, const nlohmann::json& input,
                           const std::function<nlohmann::json()>& body) override;
    boost::asio::awaitable<nlohmann::json> step(std::string name, nlohmann::json input, StepBody body,
                                                StepOptions options) override;
    boost::asio::awaitable<bool> progress(nlohmann::json value) override;
    void heartbeat() noexcept override { inner_.heartbeat(); }

private:
    Attempt& inner_;
    const CrashPlan plan_;
    std::string unsettled_;  ///< the step whose result goes with the next record
};

/// Runs another handler's attempts as crashing ones.
class CrashingHandler final : public Handler {
public:
    CrashingHandler(std::shared_ptr<Handler> inner, std::filesystem::path directory)
        : inner_{std::move(inner)}, directory_{std::move(directory)} {}
    boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<Handler> inner_;
    std::filesystem::path directory_;
};

}  // namespace oiab::tests

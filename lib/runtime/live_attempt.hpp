#pragma once
/// @file  One attempt in this process: what its handler sees (oiab::Attempt) and what the services know about it.
/// Thread-safe; the handler's side runs on the handler pool, the rest on the services' threads.

#include <atomic>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/random.hpp"
#include "observe/log.hpp"
#include "oiab/registry.hpp"
#include "queue/steps.hpp"
#include "queue/worker_id.hpp"
#include "runtime/unsettled_steps.hpp"

namespace oiab::runtime {

/// What all attempts of a process share.
struct AttemptWorld {
    queue::WorkerId worker;
    pg::LaneGroup& store;
    const core::Clock& clock;
    core::Random& random;
    const observe::Log& log;
};

class LiveAttempt final : public Attempt {
public:
    /// @param lease_started  when the claim was sent: from then on the lease is trusted, on the steady clock
    LiveAttempt(core::Job job, const Registry::Entry* entry, AttemptWorld& world, core::SteadyTime lease_started);

    // What the handler sees.
    [[nodiscard]] const core::Job& job() const noexcept override { return job_; }
    [[nodiscard]] core::Deadline deadline() const noexcept override;
    [[nodiscard]] std::optional<core::CancelReason> cancelled() const noexcept override;
    void log(LogLevel level, std::string_view message) override;
    [[nodiscard]] pg::LaneGroup& store() noexcept override { return world_.store; }
    void share_transactions(bool shared) noexcept override { shares_.store(shared, std::memory_order_relaxed); }
    void guard_in(pg::Transaction& tx) override;
    core::Enqueued enqueue_in(pg::Transaction& tx, const core::NewJob& job) override;
    boost::asio::awaitable<core::Enqueued> enqueue(core::NewJob job) override;
    boost::asio::awaitable<core::Outcome> complete_in(std::function<std::string(pg::Transaction&)> body) override;
    boost::asio::awaitable<nlohmann::json> step(std::string name, nlohmann::json input, StepBody body,
                                                StepOptions options) override;
    nlohmann::json step_in(pg::Transaction& tx, const std::string& name, const nlohmann::json& input,
                           const std::function<nlohmann::json()>& body) override;
    boost::asio::awaitable<bool> progress(nlohmann::json value) override;
    void heartbeat() noexcept override;

    // What the services do with it.
    /// Nullptr where no handler is registered for the kind.
    [[nodiscard]] const Registry::Entry* entry() const noexcept { return entry_; }
    /// The handler starts now: its deadline runs. `interrupt` wakes it from a pending wait; it is called at most once.
    void begin(std::function<void()> interrupt);
    void end() noexcept;
    [[nodiscard]] bool has_begun() const noexcept { return begun_.load(std::memory_order_acquire); }
    /// Begun and not ended: a handler is at work.
    [[nodiscard]] bool is_running() const noexcept {
        return has_begun() && ended_at_.load(std::memory_order_relaxed) == core::SteadyTime{};
    }
    [[nodiscard]] std::chrono::steady_clock::duration run_time() const noexcept;
    /// Writes the results of steps that were to be written with a next record, where none came. The handler has ended.
    /// @throws LeaseLost, pg::DatabaseError
    [[nodiscard]] boost::asio::awaitable<void> write_unsettled();
    [[nodiscard]] bool has_unsettled() const { return !unsettled_.empty(); }
    /// False where no attempt of the job can have recorded a step.
    [[nodiscard]] bool may_have_steps() const noexcept {
        return job_.lease_epoch.value > 1 || stepped_.load(std::memory_order_relaxed);
    }
    /// Asks the attempt to end. The first reason stays. Returns at once.
    void request_cancel(core::CancelReason reason);
    /// When the attempt was asked to end; only where cancelled().
    [[nodiscard]] core::SteadyTime cancelled_at() const noexcept {
        return cancelled_at_.load(std::memory_order_relaxed);
    }
    /// The job goes on without the handler, which did not end when it was asked to. @returns false from the second call
    /// on.
    [[nodiscard]] bool leave_behind() noexcept { return !left_behind_.exchange(true, std::memory_order_relaxed); }
    /// A renewal that was sent at `started` succeeded, so the lease is trusted from then on.
    void lease_renewed(core::SteadyTime started) noexcept { lease_started_.store(started, std::memory_order_relaxed); }
    [[nodiscard]] core::SteadyTime lease_started() const noexcept {
        return lease_started_.load(std::memory_order_relaxed);
    }
    /// The last sign of life by the handler: its begin, progress, or heartbeat.
    [[nodiscard]] core::SteadyTime last_activity() const noexcept {
        return last_activity_.load(std::memory_order_relaxed);
    }

private:
    /// What came of a step's body.
    struct BodyEnd {
        std::optional<nlohmann::json> result;
        std::exception_ptr error;
        queue::StepStatus status = queue::StepStatus::kFailed;
        std::string message;
    };
    [[nodiscard]] boost::asio::awaitable<BodyEnd> run_body(const StepBody& body, const StepCall& call) const;
    [[nodiscard]] boost::asio::awaitable<queue::BegunStep> begin_step(const std::string& name, const std::string& hash,
                                                                      const StepCall& call, const StepOptions& options);
    [[nodiscard]] boost::asio::awaitable<void> restart_step(const std::string& name, const StepCall& call,
                                                            const StepOptions& options);
    /// @returns why the record could not be written; nullptr where it was.
    [[nodiscard]] boost::asio::awaitable<std::exception_ptr> settle(const std::string& name, const BodyEnd& end,
                                                                    const StepOptions& options);
    void settle_in(pg::Transaction& tx, const std::string& step, queue::StepStatus status, const std::string& text);
    void write_in(pg::Transaction& tx, const UnsettledSteps::Batch& earlier);
    /// Runs a transaction about a record until it comes through, in company where the attempt shares its transactions.
    template <typename Body>
    [[nodiscard]] boost::asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> persist(Body body);
    template <typename Body>
    [[nodiscard]] boost::asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> transact_as_told(
        Body body, pg::Stage stage);

    [[nodiscard]] bool shares() const noexcept { return shares_.load(std::memory_order_relaxed); }
    /// Records of a first attempt are new, and their answers are known beforehand: what is not as expected throws when
    /// they are written.
    [[nodiscard]] bool adds_records() const noexcept { return shares() && job_.lease_epoch.value <= 1; }
    [[nodiscard]] queue::Guard guard() const noexcept { return {world_.worker, job_.key()}; }

    const core::Job job_;
    const Registry::Entry* const entry_;
    AttemptWorld& world_;
    std::atomic<core::SteadyTime> lease_started_;
    std::atomic<core::SteadyTime> last_activity_{};
    std::atomic<core::SteadyTime> began_at_{};
    std::atomic<core::SteadyTime> ended_at_{};
    std::atomic<core::SteadyTime> cancelled_at_{};
    std::atomic<bool> left_behind_{false};
    std::atomic<bool> begun_{false};
    std::atomic<bool> shares_{false};
    std::atomic<bool> stepped_{false};
    std::atomic<int> cancel_reason_{-1};
    UnsettledSteps unsettled_;
    std::mutex interrupt_mutex_;
    std::function<void()> interrupt_;
};

template <typename Body>
boost::asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> LiveAttempt::transact_as_told(Body body,
                                                                                                   pg::Stage stage) {
    if (shares()) co_return co_await store().transact_together(std::move(body), stage);
    co_return co_await store().transact(std::move(body));
}

}  // namespace oiab::runtime

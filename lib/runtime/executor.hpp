#pragma once
/// @file  Runs attempts on the handler pool, at most `slots` at once, and hands their outcomes to the Settler.
/// Thread-safe.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/deadline.hpp"
#include "core/outcome.hpp"
#include "runtime/attempt_table.hpp"

namespace oiab::runtime {

class Executor {
public:
    using Finished = std::function<void(AttemptPtr, core::Outcome)>;
    using RunningLow = std::function<void()>;
    using EngineFailed = std::function<void(std::string)>;

    struct Settings {
        std::size_t slots = 64;
        std::size_t threads = 1;
        /// A job that so many crashes were charged to runs while nothing else does: the next crash is its own.
        int alone_from_crashes = 2;
    };

    /// @param finished  called once an attempt, on a pool thread or, for attempts that never start, on the caller's
    /// @param running_low  called on a pool thread when so few wait that a claim is worth while; must not block
    /// @param failed    called when a coroutine of the executor itself lets an exception escape
    Executor(Settings settings, Finished finished, RunningLow running_low, EngineFailed failed);
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    ~Executor();

    /// Queues the attempts; each starts as soon as a slot is free, in this order. Never blocks.
    void submit(std::vector<AttemptPtr> attempts);

    /// How many more attempts the Claimer may bring now: the free slots, and a prefetch worth 50 ms of work by the
    /// measured run time (none for jobs that run long).
    [[nodiscard]] std::size_t wanted() const;
    [[nodiscard]] std::size_t running() const noexcept { return running_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t waiting() const;
    /// Whether attempts wait, and the slots in use end several within two milliseconds by the measured run time. Never
    /// blocks.
    [[nodiscard]] bool rushes() const noexcept;

    /// Takes back all attempts that have not started, for release. After `close` none starts any more.
    [[nodiscard]] std::vector<AttemptPtr> take_waiting();
    void close();
    /// Whether attempts have been waiting for a slot since before `before`: prefetched for work that turned out long.
    [[nodiscard]] bool waiting_since_before(core::SteadyTime before) const;
    /// The run times that were measured have misled: no prefetch until short ones have been seen again.
    void forget_run_times() noexcept;

    /// Blocks until no attempt runs, or the deadline. @returns how many still run.
    [[nodiscard]] std::size_t wait_idle(core::Deadline deadline);
    /// Ends the pool's threads. Coroutines that still wait are destroyed where they wait; a handler that blocks its
    /// thread blocks this call.
    void stop();

private:
    struct Slot;

    boost::asio::awaitable<void> serve(std::shared_ptr<Slot> slot);
    void spawn_slot();
    /// Whether the first that waits may start beside `others` slots in use. Under the mutex.
    [[nodiscard]] bool first_may_start(std::size_t others) const;
    [[nodiscard]] bool runs_alone(const LiveAttempt& attempt) const;
    [[nodiscard]] AttemptPtr next();
    /// Attempts beyond the slots that are worth claiming ahead: 50 ms of work by the measured run time.
    [[nodiscard]] std::size_t prefetch() const noexcept;
    void leave();
    void learn(std::chrono::steady_clock::duration run_time) noexcept;

    const Settings settings_;
    const Finished finished_;
    const RunningLow running_low_;
    const EngineFailed failed_;

    mutable std::mutex mutex_;
    std::condition_variable idle_;
    std::deque<AttemptPtr> waiting_;
    std::atomic<std::size_t> waiting_count_{0};  // its size; written under mutex_
    core::SteadyTime waiting_since_{};
    std::atomic<std::size_t> running_{0};  // slots in use; written under mutex_
    bool spawning_ = false;                // a slot has been spawned and has not taken its first attempt
    bool closed_ = false;
    bool alone_ = false;  // the one slot in use runs an attempt that tolerates no other
    std::atomic<double> mean_run_seconds_{-1};

    boost::asio::thread_pool pool_;  // last: its threads use everything above
};

/// What becomes of an attempt that was told to stop and has no outcome of its own.
[[nodiscard]] core::Outcome outcome_of_cancel(core::CancelReason reason, const LiveAttempt& attempt);

/// Runs one attempt to its outcome: finds what its handler made of it, turns what it throws into an outcome, and lets a
/// cancellation decide where there was one. Never throws.
[[nodiscard]] boost::asio::awaitable<core::Outcome> run_attempt(LiveAttempt& attempt);

}  // namespace oiab::runtime

#pragma once
/// @file  Writes the outcomes of attempts: all that have finished by the moment in one batch, under the guard. A second
/// session helps while full batches wait (docs/decisions/0112-a-second-settling-session.md). All members are
/// thread-safe.

#include "runtime/outcome_queue.hpp"
#include "runtime/settle_writer.hpp"

namespace oiab::runtime {

/// The outcome with the time of its retry filled in: the queue wants to know when it is due, and the kind's backoff
/// says so where the handler did not.
[[nodiscard]] core::Outcome with_backoff(core::Outcome outcome, const LiveAttempt& attempt, core::Random& random);

class Settler {
public:
    struct Settings {
        std::size_t max_batch = 1'000;  ///< the knee of the curve (docs/performance.md)
        bool delete_on_complete = false;
        /// A batch waits for no longer than this to fill: about what writing a full one takes.
        std::chrono::milliseconds gather{2};
    };
    struct Hooks {
        /// Called on a settling thread after each batch; `put_back`: jobs of it are pending again.
        std::function<void(bool put_back)> committed;
        /// Whether more outcomes are a matter of microseconds: then a batch that is not full waits a little for them.
        /// Any thread; must not block.
        std::function<bool()> more_soon;
    };

    Settler(const pg::SessionSettings& session, Settings settings, AttemptTable& attempts, AttemptWorld& world,
            const Service::EngineFailed& failed, const Hooks& hooks);
    ~Settler() { join(); }
    Settler(const Settler&) = delete;
    Settler& operator=(const Settler&) = delete;

    /// Takes over a finished attempt; never blocks. It stays in the table, and so keeps its lease, until its outcome is
    /// committed.
    void settle(AttemptPtr attempt, core::Outcome outcome);
    /// Finished attempts that are not committed yet; above a limit the Claimer stops.
    [[nodiscard]] std::size_t backlog() const { return outcomes_.size(); }
    /// Blocks until everything handed over so far is committed, or the deadline. @returns what is left.
    [[nodiscard]] std::size_t flush(core::Deadline deadline) { return outcomes_.wait_until_empty(deadline); }

    void start();
    /// Stops both threads, once they have tried to write what was handed over, and blocks until they have ended.
    void join();
    /// See Session::cut_if_overstaying.
    bool cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept;

private:
    void call(OutcomeQueue::Calls calls);

    AttemptWorld& world_;
    OutcomeQueue outcomes_;
    SettleWriter first_;
    SettleWriter second_;
};

}  // namespace oiab::runtime

#pragma once
/// @file  Writes the outcomes of attempts: all that have finished by the moment in one batch, under the guard.
/// settle() is thread-safe and never blocks.

#include <condition_variable>
#include <deque>
#include <mutex>

#include "core/outcome.hpp"
#include "queue/settle.hpp"
#include "runtime/attempt_table.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/service.hpp"

namespace oiab::runtime {

/// The outcome with the time of its retry filled in: the queue wants to know when it is due, and the kind's backoff
/// says so where the handler did not.
[[nodiscard]] core::Outcome with_backoff(core::Outcome outcome, const LiveAttempt& attempt, core::Random& random);

class Settler final : public Service {
public:
    struct Settings {
        std::size_t max_batch = 1'000;  ///< the knee of the curve (docs/performance.md)
        bool delete_on_complete = false;
    };
    using Committed = std::function<void(bool put_back)>;

    /// @param committed  called on the settler's thread after each batch; `put_back`: jobs of it are pending again
    Settler(pg::SessionSettings session, Settings settings, AttemptTable& attempts, AttemptWorld& world,
            EngineFailed failed, Committed committed);
    ~Settler() override;

    /// Takes over a finished attempt. It stays in the table, and so keeps its lease, until its outcome is committed.
    void settle(AttemptPtr attempt, core::Outcome outcome);
    /// Finished attempts that are not committed yet; above a limit the Claimer stops.
    [[nodiscard]] std::size_t backlog() const;
    /// Blocks until everything handed over so far is committed, or the deadline. @returns what is left.
    [[nodiscard]] std::size_t flush(core::Deadline deadline);

private:
    struct Finished {
        AttemptPtr attempt;
        core::Outcome outcome;
    };

    void serve() override;
    [[nodiscard]] std::vector<Finished> take_batch();
    /// @returns the attempts that somebody else holds at the moment: to be settled again.
    [[nodiscard]] std::vector<Finished> write(std::vector<Finished>& batch);
    void report(const Finished& finished, const queue::Settled& settled);

    const Settings settings_;
    AttemptTable& attempts_;
    AttemptWorld& world_;
    const Committed committed_;

    mutable std::mutex mutex_;
    std::condition_variable drained_;
    std::deque<Finished> finished_;
    std::size_t in_hand_ = 0;  // taken by the thread and not committed
    bool asleep_ = false;
    bool put_back_ = false;  // service thread only
};

}  // namespace oiab::runtime

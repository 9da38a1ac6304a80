#pragma once
/// @file  Writes the outcomes of attempts: all that have finished by the moment in one batch, under the guard.
/// settle() is thread-safe and never blocks.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

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
        /// A batch waits for no longer than this to fill: about what writing a full one takes.
        std::chrono::milliseconds gather{2};
    };
    struct Hooks {
        /// Called on the settler's thread after each batch; `put_back`: jobs of it are pending again.
        std::function<void(bool put_back)> committed;
        /// Whether more outcomes are a matter of microseconds: then a batch that is not full waits a little for them.
        /// Any thread; must not block.
        std::function<bool()> more_soon;
    };

    Settler(pg::SessionSettings session, Settings settings, AttemptTable& attempts, AttemptWorld& world,
            EngineFailed failed, Hooks hooks);
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
    /// While handlers rush through what was claimed, a batch of few would cost nearly what a full one does.
    void gather();
    [[nodiscard]] std::vector<Finished> take_batch();
    /// @returns the attempts that somebody else holds at the moment: to be settled again.
    [[nodiscard]] std::vector<Finished> write(std::vector<Finished>& batch);
    void report(const Finished& finished, const queue::Settled& settled);
    /// Of an attempt whose handler has settled it itself.
    void note_untidy(const Finished& finished);
    /// Lets the next jobs of the lanes run in which something finished, and deletes what handlers completed where that
    /// is asked for. Where nothing presses, it waits for more.
    void tidy_up(bool now);

    const Settings settings_;
    AttemptTable& attempts_;
    AttemptWorld& world_;
    const Hooks hooks_;

    mutable std::mutex mutex_;
    std::condition_variable drained_;
    std::deque<Finished> finished_;
    std::size_t in_hand_ = 0;  // taken by the thread and not committed
    bool asleep_ = false;
    bool gathering_ = false;  // the thread waits for a batch to fill

    // Service thread only.
    bool put_back_ = false;
    std::vector<std::string> lanes_;                       // to be advanced
    std::vector<core::AttemptKey> completed_by_handlers_;  // to be deleted
    std::optional<core::SteadyTime> tidy_at_;
};

}  // namespace oiab::runtime

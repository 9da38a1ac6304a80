#pragma once
/// @file  One of the Settler's threads: writes outcomes batch by batch, under the guard, and tidies up after them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "queue/settle.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/outcome_queue.hpp"
#include "runtime/service.hpp"

namespace oiab::runtime {

class SettleWriter final : public Service {
public:
    using Writer = OutcomeQueue::Writer;
    struct Settings {
        bool delete_on_complete = false;
        /// The first writer's batch waits for no longer than this to fill.
        std::chrono::milliseconds gather{};
    };
    struct Hooks {
        /// Called on this thread after each batch; `put_back`: jobs of it are pending again.
        std::function<void(bool put_back)> committed;
        std::function<void(OutcomeQueue::Calls)> call;
    };

    SettleWriter(Writer writer, pg::SessionSettings session, Settings settings, OutcomeQueue& outcomes,
                 AttemptTable& attempts, AttemptWorld& world, Hooks hooks, EngineFailed failed);
    ~SettleWriter() override;

private:
    void serve() override;
    /// While handlers rush through what was claimed, a batch of few would cost nearly what a full one does.
    void gather();
    /// @returns the next batch; empty: wait to be called. @throws pg::DatabaseError and takes nothing
    [[nodiscard]] std::vector<FinishedAttempt> take();
    /// @returns the attempts that somebody else holds at the moment: to be settled again.
    [[nodiscard]] std::vector<FinishedAttempt> write(std::vector<FinishedAttempt>& batch);
    void report(const FinishedAttempt& finished, const queue::Settled& settled);
    /// Of an attempt whose handler has settled it itself.
    void note_untidy(const FinishedAttempt& finished);
    /// Lets the next jobs of the lanes run in which something finished, and deletes what handlers completed where that
    /// is asked for. Where nothing presses, it waits for more.
    void tidy_up(bool now);

    const Writer writer_;
    const Settings settings_;
    OutcomeQueue& outcomes_;
    AttemptTable& attempts_;
    AttemptWorld& world_;
    const Hooks hooks_;

    // Service thread only.
    bool put_back_ = false;
    std::vector<std::string> lanes_;                       // to be advanced
    std::vector<core::AttemptKey> completed_by_handlers_;  // to be deleted
    std::optional<core::SteadyTime> tidy_at_;
};

}  // namespace oiab::runtime

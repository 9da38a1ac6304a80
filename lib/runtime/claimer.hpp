#pragma once
/// @file  Takes due jobs from the queue and hands them to the Executor: as many as it wants, no more often than pays.

#include <set>

#include "pg/channel.hpp"
#include "queue/claim.hpp"
#include "runtime/claim_turn.hpp"
#include "runtime/executor.hpp"
#include "runtime/gathering.hpp"
#include "runtime/lane_hints.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/low_water.hpp"
#include "runtime/service.hpp"

namespace oiab::runtime {

/// Wake-ups are hints: a notification, a commit of the Settler, the nearest future run_at. The poll is the guarantee.
class Claimer final : public Service {
public:
    struct Settings {
        std::size_t slots = 1;  ///< of the executor
        std::chrono::milliseconds lease{60'000};
        std::chrono::milliseconds poll_interval{5'000};
        std::vector<std::string> kinds;  ///< patterns that this worker takes; empty: all that have a handler
        int max_batch = 1'000;
        bool listen = true;  ///< to oiab_jobs, on this service's own session
    };
    struct Hooks {
        std::function<bool()> may_claim;                        ///< leases are trusted and the Settler keeps up
        std::function<void(AttemptPtr, core::Outcome)> settle;  ///< for attempts that are given back unstarted
    };

    Claimer(pg::SessionSettings session, Settings settings, const Registry& registry, Executor& executor,
            AttemptTable& attempts, AttemptWorld& world, Hooks hooks, EngineFailed failed);
    ~Claimer() override;

    // Hints; thread-safe, never block.
    void lanes_changed(std::string lane);
    void pauses_changed();
    /// The Settler has committed, or the Executor runs low: there may be room again.
    void room_was_made();
    /// Jobs went back to pending: the next one may be due earlier than was known.
    void jobs_were_put_back();

private:
    /// kAll: there may be more. kNotOurTurn: nothing was looked for.
    enum class Found { kAll, kSome, kNothing, kNotOurTurn };

    void serve() override;
    void wait_for_hints(core::Deadline until);
    [[nodiscard]] bool has_lanes();
    void follow_hints();
    /// @returns when to look again without being woken.
    [[nodiscard]] core::Deadline look();
    [[nodiscard]] Found claim(std::size_t wanted);
    /// Whether another worker is claiming at this moment; the next claim waits a little then.
    [[nodiscard]] bool stands_back();
    void load_pauses();
    /// After a claim whose answer was lost: what is ours by the table of jobs and unknown here was never started.
    void release_unknown();
    void refresh_kinds();
    [[nodiscard]] bool takes(std::string_view kind) const;
    [[nodiscard]] core::Deadline until_next();

    const Settings settings_;
    const Registry& registry_;
    Executor& executor_;
    AttemptTable& attempts_;
    AttemptWorld& world_;
    const Hooks hooks_;

    std::mutex hints_mutex_;
    LaneHints lanes_;                  // to be advanced
    bool enqueued_ = false;            // somebody notified
    bool pauses_changed_ = true;       // loaded before the first claim
    std::atomic<bool> hungry_{false};  // more was due than there was room for

    // Service thread only.
    std::vector<std::string> kinds_;  // exact, handled and not paused
    std::set<std::string> paused_kinds_;
    std::set<std::string> paused_tenants_;
    bool all_paused_ = false;
    core::SteadyTime polled_at_{};
    std::optional<std::size_t> follow_up_;  // looks since a notification; set until no producer can have been missed
    Gathering gathering_;
    ClaimTurn turn_;
    int contended_ = 0;  // looks in a row that found due rows locked by others
    std::string sweep_from_;
    LowWaterMarks marks_;
    bool resumed_ = false;  // has asked how far claims had come before this worker's time
    pg::Channel jobs_channel_{"oiab_jobs"};
    core::SteadyTime doubtful_until_{};
};

}  // namespace oiab::runtime

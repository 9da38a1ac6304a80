#pragma once
/// @file  The worker: owns all services, watches over them, and stops them in the promised order. One control thread
/// (the caller's) uses everything here but request_stop.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "observe/metrics.hpp"
#include "pg/lane_group.hpp"
#include "pg/listener.hpp"
#include "runtime/claimer.hpp"
#include "runtime/janitor.hpp"
#include "runtime/lease_keeper.hpp"
#include "runtime/settler.hpp"

namespace oiab::runtime {

struct EngineSettings {
    pg::SessionSettings session;
    std::string host;     ///< shown to people; the worker id holds a random part besides
    std::string version;  ///< shown by `oiabd workers`
    std::vector<std::string> kinds;
    std::size_t slots = 64;
    std::size_t threads = 1;
    std::size_t db_lanes = 4;
    bool notify = true;
    bool delete_on_complete = false;
    int max_crashes = 3;
    std::chrono::milliseconds poll_interval{5'000};
    std::chrono::milliseconds lease{60'000};
    std::chrono::milliseconds drain_timeout{30'000};
    std::chrono::milliseconds cancel_grace{10'000};
    std::chrono::milliseconds legacy_lock_timeout{3'600'000};
    std::chrono::milliseconds retention{0};
    std::chrono::milliseconds snapshot_warning{600'000};  ///< zero: old snapshots are not looked for
    PurgeBeside purge_beside;                             ///< what the leader removes beside the jobs; empty: nothing
    std::chrono::milliseconds retention_delay{10'000};    ///< see Janitor::Settings
    LeaderErrand errand;                                  ///< what else the leader does; empty: nothing
};

/// running → draining (no claims, unstarted attempts released, running ones finish) → cancelling (handlers told why)
///   → done (nothing runs, or what still runs is left to lease expiry)
enum class Stage { kRunning, kDraining, kCancelling, kDone };

class Engine {
public:
    /// Does no I/O. Everything handed in outlives the engine.
    Engine(EngineSettings settings, const Registry& registry, const core::Clock& clock, core::Random& random,
           const observe::Log& log, observe::Metrics& metrics);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    /// Starts all services. They connect in the background and survive an absent database.
    void start();

    /// The first call drains, the second cancels, the third leaves. Any thread, any time; returns at once.
    void request_stop() noexcept { stops_requested_.fetch_add(1, std::memory_order_relaxed); }

    /// The watch: deadlines, stalls, self-fencing, calls that overstay, and the stages of a stop. Never blocks.
    /// @returns how long until it wants to be called again.
    [[nodiscard]] std::chrono::milliseconds tick();
    [[nodiscard]] Stage stage() const noexcept { return stage_; }
    /// The sentence of the first failure that ends the engine, if one did.
    [[nodiscard]] std::optional<std::string> failure() const;

    struct StopReport {
        std::vector<core::JobId> left;  ///< attempts that still ran
        std::size_t unsettled = 0;      ///< finished attempts whose outcome could not be written
        /// Handlers that block their thread may keep the process from ending in an orderly way.
        bool handlers_stuck = false;
    };
    /// Ends all services: the Settler flushes before leases stop being renewed. Blocks, about ten seconds at most.
    [[nodiscard]] StopReport shut_down();

    [[nodiscard]] const queue::WorkerId& worker() const noexcept { return world_.worker; }
    [[nodiscard]] pg::LaneGroup& store() noexcept { return store_; }

private:
    void on_finished(AttemptPtr attempt, core::Outcome outcome);
    void on_notification(std::string_view channel, std::string_view payload);
    void on_failure(std::string sentence);
    void watch_attempts(core::SteadyTime now);
    /// An attempt that was cancelled and whose handler ignores it: the job does not wait for it for ever.
    void leave_behind_what_ignores(const AttemptPtr& attempt, core::SteadyTime now);
    /// Cuts the sessions that have been in one call for longer than `limit`.
    void watch_sessions(std::chrono::milliseconds limit);
    void release_unstarted();
    void advance_stage(core::SteadyTime now);
    [[nodiscard]] queue::Worker describe() const;
    [[nodiscard]] pg::SessionSettings session_for(std::string_view service) const;

    const EngineSettings settings_;
    const Registry& registry_;
    const core::Clock& clock_;
    const observe::Log& log_;
    observe::Gauge jobs_running_;

    AttemptWorld world_;
    AttemptTable attempts_;
    std::atomic<int> stops_requested_{0};
    std::atomic<Stage> stage_{Stage::kRunning};
    core::Deadline stage_ends_ = core::Deadline::never();
    mutable std::mutex failure_mutex_;
    std::optional<std::string> failure_;

    // Stopped in shut_down; destroyed from the last to the first, so nobody calls what is gone.
    std::unique_ptr<LeaseKeeper> lease_keeper_;
    std::unique_ptr<Settler> settler_;
    std::unique_ptr<Executor> executor_;
    std::unique_ptr<Claimer> claimer_;
    std::unique_ptr<Janitor> janitor_;
    std::unique_ptr<pg::Listener> listener_;
    /// Last: what handlers that were left behind still do in the lanes ends before their frames and the world go.
    pg::LaneGroup store_;
};

/// `<host>:<pid>:<random>`: new at every start.
[[nodiscard]] queue::WorkerId make_worker_id(std::string_view host, core::Random& random);

}  // namespace oiab::runtime

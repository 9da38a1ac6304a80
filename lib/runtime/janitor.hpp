#pragma once
/// @file  The housekeeping of the whole fleet, done by one leader at a time: rescue of lapsed leases, retention, rows
/// that others left behind. Every worker has one; all but the leader only ask, once in a third of a lease, whether to
/// lead.

#include <atomic>
#include <functional>
#include <optional>

#include "queue/rescue.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/retention_walk.hpp"
#include "runtime/service.hpp"
#include "runtime/snapshot_watch.hpp"

namespace oiab::runtime {

/// Work of the leader beside the queue, at times of its own. Blocks, in the janitor's thread and session.
/// @returns how long until there is something to do; nullopt: nothing is known of
using LeaderErrand = std::function<std::optional<std::chrono::milliseconds>(pg::Session& session)>;

class Janitor final : public Service {
public:
    struct Settings {
        std::chrono::milliseconds lease{60'000};
        std::chrono::milliseconds legacy_lock_timeout{3'600'000};
        std::chrono::milliseconds retention{0};  ///< zero: finished jobs are kept
        int max_crashes = 3;
        std::chrono::milliseconds snapshot_warning{600'000};  ///< see SnapshotWatch
        PurgeBeside purge_beside;                             ///< empty: the jobs alone are looked after
        /// How long after it has come to lead it begins to delete: whoever starts has work to do that waits already.
        std::chrono::milliseconds retention_delay{10'000};
        LeaderErrand errand;  ///< empty: none
        /// How often the errand is run where nothing is known of; errand_may_be_due() comes before that.
        std::chrono::milliseconds errand_interval{60'000};
    };

    Janitor(pg::SessionSettings session, Settings settings, AttemptWorld& world, observe::Metrics& metrics,
            EngineFailed failed);
    ~Janitor() override;

    /// Something has changed that the errand looks after. Returns at once; any thread.
    void errand_may_be_due();

private:
    void serve() override;
    /// How often it keeps house.
    [[nodiscard]] std::chrono::milliseconds round() const { return settings_.lease / 3; }
    /// One round of housekeeping. @throws pg::DatabaseError
    void keep_house();
    /// Runs the errand where this worker leads and it is time. @throws pg::DatabaseError
    void run_errand();
    /// A process that stood still, or whose calls all took too long, does not know what others could renew meanwhile.
    void notice_standstill();
    [[nodiscard]] bool lead();
    /// Not for certain any more: what only a leader knows is shown no longer.
    void cease_to_lead();
    void rescue_all();
    void tidy();
    /// One page of the retention where this worker leads and it is time. @throws pg::DatabaseError
    void purge_page();

    const Settings settings_;
    AttemptWorld& world_;
    std::atomic<bool> errand_may_be_due_{false};
    core::Deadline errand_due_ = core::Deadline::after(std::chrono::milliseconds::zero());
    std::optional<std::int64_t> term_;      ///< while it leads, as far as it knows
    std::optional<std::int64_t> led_term_;  ///< the last one: trouble that has passed makes no new leader
    /// Nothing is rescued before this: after an outage of ours or a start of the server every worker gets one full
    /// lease to renew what it still runs. A new leader waits for one round where no worker went without a word.
    core::SteadyTime rescue_from_;
    core::SteadyTime last_round_;
    RetentionWalk retention_;
    core::Deadline retention_due_ = core::Deadline::never();
    SnapshotWatch snapshots_;
    observe::Gauge leader_;
};

}  // namespace oiab::runtime

#pragma once
/// @file  Names whoever keeps old versions of rows from being vacuumed away for too long: finished jobs then stay in
/// the claim's index, and every full claim walks past them. The Janitor's, in its thread.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "pg/session.hpp"
#include "queue/snapshot_holders.hpp"

namespace oiab::runtime {

/// A holder that has been in the way for longer than the threshold.
struct OldSnapshot {
    queue::SnapshotHolder holder;
    std::chrono::seconds held{};  ///< by the server's clock where it tells, else since it was first seen here
};

/// quiet ── a holder is old ──▶ warned ── that holder is gone ──▶ quiet, and says so
///                                │ ▲
///                                └─┘ ten minutes have passed: warns again, of the one that holds the most by then
///
/// A holder is old once it is seen a second time with the same transaction, and has held that for the threshold: a long
/// transaction whose statements each look anew is in nobody's way.
class SnapshotWatch {
public:
    /// @param threshold  zero: never looks
    SnapshotWatch(std::chrono::milliseconds threshold, const core::Clock& clock, const observe::Log& log,
                  observe::Metrics& metrics);

    /// Looks where it is time to: once a minute, more often for thresholds below. Blocks. @throws pg::DatabaseError
    void look_if_due(pg::Session& session);

    /// Whoever does not lead knows of no holders: the metrics name none until the next look, which is due at once.
    void forget_look();

    /// As of the last look: the old holder that holds the most.
    [[nodiscard]] const std::optional<OldSnapshot>& oldest() const noexcept { return oldest_; }

private:
    /// Kind, name and transaction: with another transaction it is another holder.
    using Key = std::string;

    /// The old ones among them, in their order; remembers when each was first seen.
    [[nodiscard]] std::vector<OldSnapshot> pick_old(std::vector<queue::SnapshotHolder> holders);
    void tell(const std::vector<OldSnapshot>& old);
    void show(const std::vector<OldSnapshot>& old);
    void show_nothing();

    const std::chrono::milliseconds threshold_;
    const core::Clock& clock_;
    const observe::Log& log_;
    std::optional<core::SteadyTime> looked_at_;
    std::map<Key, core::SteadyTime> first_seen_;
    std::optional<OldSnapshot> oldest_;
    std::optional<OldSnapshot> warned_of_;
    core::SteadyTime warned_at_;
    bool refused_ = false;
    observe::Gauge count_;
    observe::Gauge held_seconds_;
    observe::Gauge held_transactions_;
};

}  // namespace oiab::runtime

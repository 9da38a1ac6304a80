#pragma once
/// @file  Keeping and proving the hold on a running job. For the LeaseKeeper and for whatever an attempt writes.
/// Lane threads only; every function blocks.

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

enum class RenewState {
    kRenewed,
    kHeld,  ///< another session (a handler's open transaction) holds the row: still ours, the lease was not moved
    kLost,  ///< no longer ours
};

struct Renewal {
    core::AttemptKey key;
    RenewState state = RenewState::kLost;
    bool cancel_requested = false;
};

/// Moves the leases of these attempts to `lease` from now, in one statement that waits for nobody.
/// @returns one answer for each key, in the same order.
[[nodiscard]] std::vector<Renewal> renew(pg::Transaction& tx, const WorkerId& worker,
                                         std::span<const core::AttemptKey> keys, std::chrono::milliseconds lease);

/// Locks the attempt's row until `tx` ends, so that nobody can settle or rescue it before. Waits for a renewal.
/// @returns false where the attempt is no longer ours: nothing may be written.
[[nodiscard]] bool hold_attempt(pg::Transaction& tx, const Guard& guard);

/// Stores progress (JSON text). @returns false where the attempt is no longer ours.
[[nodiscard]] bool set_progress(pg::Transaction& tx, const Guard& guard, const std::string& progress);

/// What this worker holds by the database: after a claim in doubt, the attempts that it got and was not told of are
/// among them. They lapse unless they are run or settled (Released).
[[nodiscard]] std::vector<core::AttemptKey> find_held(pg::Transaction& tx, const WorkerId& worker);

}  // namespace oiab::queue

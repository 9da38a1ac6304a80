#pragma once
/// @file  Pausing kinds, tenants or everything; survives restarts. For commands, the Claimer and the Janitor.
/// Lane threads only; blocks.

#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::queue {

enum class PauseScope { kAll, kKind, kTenant };

struct Pause {
    PauseScope scope = PauseScope::kAll;
    std::string name;  ///< the kind, the tenant's id, empty for kAll
    std::string reason;
    std::string paused_by;
    std::string paused_at;
};

/// What the Claimer must leave out. A claimed job whose tenant is paused (it slipped in while the pause was being
/// written) is to be released: the release keeps it out of the queue.
[[nodiscard]] std::vector<Pause> load_pauses(pg::Transaction& tx);

/// Writes the pause, notifies `oiab_control` with `pause`, and for a tenant takes its pending rows out of the claim's
/// index in batches. Its own transactions. @returns false where it was paused already (its rows are looked at again).
bool pause(pg::Session& session, const Pause& what);

/// Takes the pause back and gives a tenant's rows back in batches. Notifies `oiab_control` with `resume` and
/// `oiab_jobs`.
/// @returns false where it was not paused.
bool resume(pg::Session& session, PauseScope scope, const std::string& name);

/// Gives back rows of tenants that are not paused any more (inserted by a transaction that was older than the resume).
/// For the Janitor; cheap. @returns how many.
int restore_resumed(pg::Session& session);

}  // namespace oiab::queue

#pragma once
/// @file  Who keeps old versions of rows from being vacuumed away: the claim's index then fills with what is finished.
/// For the Janitor and for display. Lane threads only; blocks.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/transaction.hpp"

namespace oiab::queue {

enum class SnapshotHolderKind { kSession, kPreparedTransaction, kReplicationSlot, kStandby };
/// In words: "prepared transaction".
[[nodiscard]] std::string_view to_string(SnapshotHolderKind kind) noexcept;
/// In one word, as the statement says it: session, prepared, slot, standby.
[[nodiscard]] std::string_view word_of(SnapshotHolderKind kind) noexcept;

struct SnapshotHolder {
    SnapshotHolderKind kind = SnapshotHolderKind::kSession;
    std::string name;               ///< what to find it by: pid, gid, name of the slot, pid of the standby's sender
    std::string user, application;  ///< empty where there is none
    std::string state;              ///< empty where this role may not see it
    std::string xid;                ///< what was finished after this transaction began is kept
    std::int64_t transactions = 0;  ///< so many began since
    /// Since its transaction began, or was prepared. nullopt where the server tells no time, or not to this role.
    std::optional<std::chrono::seconds> held{};
};

/// Everybody in the way of this database's vacuum at this moment, the one that holds the most first; a hundred at most.
/// Most are statements that just run: see what is still there a while later.
[[nodiscard]] std::vector<SnapshotHolder> find_snapshot_holders(pg::Transaction& tx);

}  // namespace oiab::queue

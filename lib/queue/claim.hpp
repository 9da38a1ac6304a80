#pragma once
/// @file  Taking due jobs from the queue. For the Claimer and `--once`. Lane threads only; every function blocks.

#include <chrono>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

/// Where the due rows of one kind and priority are known to begin: nothing that is due comes before, but what became
/// due, was put back or was let go by another worker since.
struct LowWater {
    std::string kind;
    int priority = 0;
    core::WallTime run_at;  ///< finite
    core::JobId id{};
};

struct ClaimRequest {
    WorkerId worker;
    std::vector<std::string> kinds{};  ///< exact names that this worker handles and that are not paused
    int limit = 1;
    std::chrono::milliseconds lease{60'000};
    std::span<const LowWater> low_water{};  ///< at most one for each kind and priority; what is below is not looked at
    /// Takes nothing while another session claims: the two would walk past, and lock in vain, each other's rows.
    bool in_turn = false;
};

/// Claims up to `limit` due jobs in the order priority, run_at, id over all kinds.
/// @returns the claimed jobs in that order. Empty: nothing was due, or what was due is locked by others, which next_due
/// tells; or somebody else is claiming, which claim_is_under_way tells.
/// @throws pg::DatabaseError. In doubt (autocommit) the rows may be ours: they lapse and are rescued.
[[nodiscard]] std::vector<core::Job> claim(pg::Transaction& tx, const ClaimRequest& request);

/// Whether another session is claiming at this moment.
[[nodiscard]] bool claim_is_under_way(pg::Transaction& tx);

/// Which claim that is: a name that no other claim has. nullopt: nobody is claiming. Dearer than claim_is_under_way.
[[nodiscard]] std::optional<std::string> find_claim_under_way(pg::Transaction& tx);

/// Whether a producer that was passed over for the notification may still be committing. Where the answer is false, the
/// next claim finds what those have inserted that were passed over before this call.
[[nodiscard]] bool producers_are_committing(pg::Transaction& tx);

/// How long until one of the kinds has something to claim, by the database's clock.
/// @param low_water  as for a claim; what is below is not looked at
/// @returns zero where something is due that the last claim did not get (locked by others: try again soon), nullopt
/// where nothing is pending.
[[nodiscard]] std::optional<std::chrono::milliseconds> next_due(pg::Transaction& tx, std::span<const std::string> kinds,
                                                                std::span<const LowWater> low_water = {});

/// Which kinds have unfinished rows that may be claimed: what a pattern `prefix-*` can be matched against.
[[nodiscard]] std::vector<std::string> load_ready_kinds(pg::Transaction& tx);

enum class ClaimRefusal {
    kNotFound,
    kNotPending,  ///< running, or final
    kLaneBusy,    ///< another job of its lane is running or comes first
    kLocked,      ///< another session holds the row: try again
};

/// Claims this one job, due or not, paused or not; a keyed one only when its lane is free.
[[nodiscard]] std::expected<core::Job, ClaimRefusal> claim_one(pg::Transaction& tx, core::JobId id,
                                                               const WorkerId& worker, std::chrono::milliseconds lease);

}  // namespace oiab::queue

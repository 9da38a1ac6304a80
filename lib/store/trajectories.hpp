#pragma once
/// @file  Which tools a turn used. Lane threads only; every function blocks and throws what the transaction does.

#include <optional>
#include <string>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

using TrajectoryId = core::Id<struct TrajectoryTag>;

struct NewTrajectory {
    core::JobId job_id;  ///< one trajectory a job
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string session_id;
    std::string tools = "[]";  ///< JSON array [{tool, input_hash, output_hash}]
    std::string tools_hash;    ///< SHA-256 of the ordered tools, hexadecimal
    std::string outcome;       ///< success, failure, partial
};

/// @returns false where the job has one already; that one stays.
bool insert_trajectory(pg::Transaction& tx, const NewTrajectory& trajectory);

}  // namespace oiab::store

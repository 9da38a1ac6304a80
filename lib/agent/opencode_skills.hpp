#pragma once
/// @file  Promoted skills as files where opencode finds them. Lane threads only: reads the database and writes files.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::agent {

/// Writes `.opencode/skill/<name>/SKILL.md` below the directory for every promoted skill of the tenant, and removes
/// those that it wrote earlier and that are promoted no more. Makes the directory where it is missing.
/// @returns the names that are there now. @throws DatabaseError, std::filesystem::filesystem_error, std::runtime_error
[[nodiscard]] std::vector<std::string> write_opencode_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                                             const std::string& directory);

}  // namespace oiab::agent

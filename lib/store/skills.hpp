#pragma once
/// @file  Skills that a tenant has promoted. Lane threads only; every function blocks and throws what the transaction
/// does.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct SkillRow {
    std::string id;
    std::string name;
    std::string description;
    int version = 1;
};

/// The promoted skills of a tenant (of the single operator where there is none), by name.
[[nodiscard]] std::vector<SkillRow> load_promoted_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant);

/// The markdown body of a promoted skill. @returns nullopt where the tenant has none of that name.
[[nodiscard]] std::optional<std::string> find_skill_body(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                                         const std::string& name);

}  // namespace oiab::store

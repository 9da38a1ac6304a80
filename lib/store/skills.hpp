#pragma once
/// @file  Skills: what turns are offered, and how people look at them and decide about them. Lane threads only; every
/// function blocks and throws what the transaction does.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

using SkillId = core::Id<struct SkillTag>;

/// A skill as turns are offered it.
struct SkillRow {
    std::string id;
    std::string name;
    std::string description;
    int version = 1;
};

/// The promoted skills of a tenant (of the single operator where there is none), by name; of several with one name the
/// one that was promoted last.
[[nodiscard]] std::vector<SkillRow> load_promoted_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant);

/// The markdown body of a promoted skill. @returns nullopt where the tenant has none of that name.
[[nodiscard]] std::optional<std::string> find_skill_body(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                                         const std::string& name);

/// The body of a skill that a turn was offered when it began, whatever became of it since. @returns nullopt where the
/// tenant has no such skill.
[[nodiscard]] std::optional<std::string> find_offered_skill_body(pg::Transaction& tx,
                                                                 std::optional<core::TenantId> tenant, SkillId id);

/// A skill with all that is known about it. Times as the server writes them, empty for none.
struct SkillView {
    SkillId id;
    std::optional<core::TenantId> tenant_id;
    std::string name;
    std::string description;
    std::string body;
    std::string status;  ///< proposed, promoted, deprecated
    int version = 1;
    std::string source_trajectories;  ///< JSON array of ids
    std::optional<core::UserId> promoted_by;
    std::string created_at;
    std::string promoted_at;
    std::string deprecated_at;
};

struct SkillFilter {
    std::optional<std::string> status;
    std::optional<core::TenantId> tenant_id;
    int limit = 50;
};

/// Newest first, without their bodies.
[[nodiscard]] std::vector<SkillView> list_skills(pg::Transaction& tx, const SkillFilter& filter);
[[nodiscard]] std::optional<SkillView> find_skill(pg::Transaction& tx, SkillId id);

enum class SkillDecision { kPromote, kDeprecate };

struct DecidedSkill {
    std::string name;
    std::string status;
    int version = 1;
    bool changed = false;  ///< false: it had that status already
};

/// @param by  the person who decides; nullopt: an operator
/// @throws DatabaseError (kRefused) with a sentence: no such skill (P0002), not allowed (42501), not from its status
/// (23514)
DecidedSkill decide_skill(pg::Transaction& tx, SkillId id, SkillDecision decision, std::optional<core::UserId> by);

}  // namespace oiab::store

#include "store/skills.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

SkillView read_view(const pqxx::row& row) {
    SkillView skill;
    skill.id = rows::read_id<SkillId>(row["id"]);
    skill.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    skill.name = rows::read_text(row["name"]);
    skill.description = rows::read_text(row["description"]);
    skill.body = rows::read_text(row["body"]);
    skill.status = rows::read_text(row["status"]);
    skill.version = row["version"].as<int>(1);
    skill.source_trajectories = rows::read_text(row["source_trajectories"]);
    skill.promoted_by = rows::read_optional_id<core::UserId>(row["promoted_by"]);
    skill.created_at = rows::read_text(row["created_at"]);
    skill.promoted_at = rows::read_text(row["promoted_at"]);
    skill.deprecated_at = rows::read_text(row["deprecated_at"]);
    return skill;
}

}  // namespace

std::vector<SkillRow> load_promoted_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant) {
    std::vector<SkillRow> skills;
    const auto id = rows::text_of(tenant);
    for (const auto& row : tx.look_once(sql::load_promoted_skills, pqxx::params{id}, id.value_or(""))) {
        skills.push_back({rows::read_text(row["id"]), rows::read_text(row["name"]), rows::read_text(row["description"]),
                          row["version"].as<int>(1)});
    }
    return skills;
}

std::optional<std::string> find_skill_body(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                           const std::string& name) {
    const auto found = tx.run(sql::find_skill_body, pqxx::params{rows::text_of(tenant), name});
    if (found.empty()) return std::nullopt;
    return rows::read_text(found[0][0]);
}

std::optional<std::string> find_offered_skill_body(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                                   SkillId id) {
    const auto found = tx.run(sql::find_offered_skill_body, pqxx::params{rows::text_of(tenant), id.to_string()});
    if (found.empty()) return std::nullopt;
    return rows::read_text(found[0][0]);
}

std::vector<SkillView> list_skills(pg::Transaction& tx, const SkillFilter& filter) {
    std::vector<SkillView> skills;
    const auto found =
        tx.run(sql::list_skills, pqxx::params{filter.status, rows::text_of(filter.tenant_id), filter.limit});
    for (const auto& row : found) skills.push_back(read_view(row));
    return skills;
}

std::optional<SkillView> find_skill(pg::Transaction& tx, SkillId id) {
    const auto found = tx.run(sql::find_skill, pqxx::params{id.to_string()});
    if (found.empty()) return std::nullopt;
    return read_view(found[0]);
}

DecidedSkill decide_skill(pg::Transaction& tx, SkillId id, SkillDecision decision, std::optional<core::UserId> by) {
    const pqxx::params parameters{id.to_string(), rows::text_of(by)};
    const auto row = (decision == SkillDecision::kPromote ? tx.run(sql::promote_skill, parameters)
                                                          : tx.run(sql::deprecate_skill, parameters))[0];
    return {rows::read_text(row["name"]), rows::read_text(row["status"]), row["version"].as<int>(),
            row["changed"].as<bool>()};
}

}  // namespace oiab::store

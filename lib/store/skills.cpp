#include "store/skills.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

std::vector<SkillRow> load_promoted_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant) {
    std::vector<SkillRow> skills;
    for (const auto& row : tx.run(sql::load_promoted_skills, pqxx::params{rows::text_of(tenant)})) {
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

}  // namespace oiab::store

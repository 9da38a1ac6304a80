#pragma once
/// @file  Promoted skills as files where opencode finds them. Whoever works in the sandbox can put anything in the
/// place of these files; nothing of that is followed, waited for, or read without a bound.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::agent {

struct OpencodeSkill {
    std::string name;  ///< as make_skill_file_name makes it
    std::string text;  ///< of its SKILL.md
};

/// The promoted skills of the tenant. Lane threads only. @throws DatabaseError
[[nodiscard]] std::vector<OpencodeSkill> load_opencode_skills(pg::Transaction& tx,
                                                              std::optional<core::TenantId> tenant);

/// Writes `.opencode/skill/<name>/SKILL.md` below root and `below` for each of them, and removes those that it wrote
/// earlier and that are no more among them. Makes directories where they are missing. Any thread; blocks for no longer
/// than the disk does.
/// @param root   as the operator named it, links included
/// @param below  relative; from here on the sandbox may have changed everything. Empty for nothing
/// @returns the names that are there now. @throws std::system_error where a link, or something else that is no
/// directory, is in the way, or the disk fails
std::vector<std::string> write_opencode_skills(const std::vector<OpencodeSkill>& skills, const std::string& root,
                                               const std::string& below);

}  // namespace oiab::agent

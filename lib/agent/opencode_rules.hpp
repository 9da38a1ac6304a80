#pragma once
/// @file  A user's roles as opencode's permission rules. Pure; any thread.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/permissions.hpp"
#include "clients/opencode_values.hpp"

namespace oiab::agent {

/// The permission that opencode asks for where a tool of that name is used: `write` and its relatives go as `edit`.
[[nodiscard]] std::string opencode_permission(std::string_view tool);

/// What the roles allow, and the template where it names tools: a complete set that begins with everything, so that it
/// replaces whatever rules a session had. Questions are always denied: nobody is there to answer. What leaves the
/// directory (`external_directory`) is allowed only where the roles name it.
/// @param template_tools  names, "*" for all; nullopt where no template limits them
[[nodiscard]] std::vector<clients::OpencodeRule> compile_opencode_rules(
    const Permissions& permissions, const std::optional<std::vector<std::string>>& template_tools);

/// Whether the last of the rules that match allows it.
[[nodiscard]] bool rules_allow(std::span<const clients::OpencodeRule> rules, std::string_view permission);

/// Whether a session's rules end with these, and so are these.
[[nodiscard]] bool rules_end_with(std::span<const clients::OpencodeRule> have,
                                  std::span<const clients::OpencodeRule> wanted);

}  // namespace oiab::agent

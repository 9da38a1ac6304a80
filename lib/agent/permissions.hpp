#pragma once
/// @file  What a user's roles allow. A value read from `roles.permissions`; any thread.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace oiab::agent {

/// Whether a list's entry means the tool: its name, or a beginning of it with a `*` behind.
[[nodiscard]] bool names_tool(std::string_view entry, std::string_view tool) noexcept;

/// The part of RbacPermissions that the worker asks about. The default allows nothing.
struct Permissions {
    bool run_agents = false;  ///< agents.create: a viewer has it not
    bool read_own_memory = false;
    bool read_team_memory = false;
    bool read_org_memory = false;
    bool write_memory = false;
    bool share_memory = false;
    std::set<std::string, std::less<>> tools_allowed;  ///< names, or "mail__*", or "*" for all
    std::set<std::string, std::less<>> tools_denied;   ///< wins over tools_allowed, "*" included
    std::optional<double> monthly_limit_usd;
    std::optional<double> per_request_limit_usd;

    [[nodiscard]] bool allows_tool(std::string_view name) const;
    [[nodiscard]] bool denies_tool(std::string_view name) const;
};

/// Reads one role. What is missing or of the wrong type allows nothing; a limit that is no number, or is
/// below zero, is a limit of zero. NULL is no limit.
[[nodiscard]] Permissions read_permissions(const nlohmann::json& role);

/// What several roles allow together: everything that one of them does, except tools that one of them denies. Of two
/// limits the lower counts: a limit is a prohibition, and adding a role must not lift one.
[[nodiscard]] Permissions unite(Permissions first, const Permissions& second);

/// The single operator, a user without a tenant and without roles: everything, without a limit.
[[nodiscard]] Permissions operator_permissions();

}  // namespace oiab::agent

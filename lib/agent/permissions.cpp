#include "agent/permissions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace oiab::agent {
namespace {

using nlohmann::json;

const json* find(const json& role, const char* group, const char* key) {
    const auto in_role = role.find(group);
    if (in_role == role.end() || !in_role->is_object()) return nullptr;
    const auto value = in_role->find(key);
    return value == in_role->end() ? nullptr : &*value;
}

bool read_flag(const json& role, const char* group, const char* key) {
    const json* value = find(role, group, key);
    return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::set<std::string, std::less<>> read_names(const json& role, const char* group, const char* key) {
    std::set<std::string, std::less<>> names;
    const json* value = find(role, group, key);
    if (value == nullptr || !value->is_array()) return names;
    for (const auto& name : *value) {
        if (name.is_string()) names.insert(name.get<std::string>());
    }
    return names;
}

/// A limit that is written down but cannot be read allows nothing: a slip must not open the purse.
std::optional<double> read_limit(const json& role, const char* key) {
    const json* value = find(role, "cost", key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return value->is_number() ? std::max(value->get<double>(), 0.0) : 0.0;
}

std::optional<double> lower_of(std::optional<double> a, std::optional<double> b) {
    if (a && b) return std::min(*a, *b);
    return a ? a : b;
}

}  // namespace

bool names_tool(std::string_view entry, std::string_view tool) noexcept {
    if (entry.ends_with('*')) return tool.starts_with(entry.substr(0, entry.size() - 1));
    return entry == tool;
}

bool Permissions::denies_tool(std::string_view name) const {
    return std::ranges::any_of(tools_denied, [&](const std::string& entry) { return names_tool(entry, name); });
}

bool Permissions::allows_tool(std::string_view name) const {
    return !denies_tool(name) &&
           std::ranges::any_of(tools_allowed, [&](const std::string& entry) { return names_tool(entry, name); });
}

Permissions read_permissions(const json& role) {
    Permissions permissions;
    if (!role.is_object()) return permissions;
    permissions.run_agents = read_flag(role, "agents", "create");
    permissions.read_own_memory = read_flag(role, "memory", "read_own");
    permissions.read_team_memory = read_flag(role, "memory", "read_team");
    permissions.read_org_memory = read_flag(role, "memory", "read_org");
    permissions.write_memory = read_flag(role, "memory", "write");
    permissions.share_memory = read_flag(role, "memory", "share");
    permissions.tools_allowed = read_names(role, "tools", "allowed");
    permissions.tools_denied = read_names(role, "tools", "denied");
    permissions.monthly_limit_usd = read_limit(role, "monthly_limit_usd");
    permissions.per_request_limit_usd = read_limit(role, "per_request_limit_usd");
    return permissions;
}

Permissions unite(Permissions first, const Permissions& second) {
    first.run_agents |= second.run_agents;
    first.read_own_memory |= second.read_own_memory;
    first.read_team_memory |= second.read_team_memory;
    first.read_org_memory |= second.read_org_memory;
    first.write_memory |= second.write_memory;
    first.share_memory |= second.share_memory;
    first.tools_allowed.insert(second.tools_allowed.begin(), second.tools_allowed.end());
    first.tools_denied.insert(second.tools_denied.begin(), second.tools_denied.end());
    first.monthly_limit_usd = lower_of(first.monthly_limit_usd, second.monthly_limit_usd);
    first.per_request_limit_usd = lower_of(first.per_request_limit_usd, second.per_request_limit_usd);
    return first;
}

Permissions operator_permissions() {
    Permissions permissions;
    permissions.run_agents = true;
    permissions.read_own_memory = true;
    permissions.read_team_memory = true;
    permissions.read_org_memory = true;
    permissions.write_memory = true;
    permissions.share_memory = true;
    permissions.tools_allowed.insert("*");
    return permissions;
}

}  // namespace oiab::agent

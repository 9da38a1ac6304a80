#include "agent/opencode_rules.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace oiab::agent {
namespace {

using clients::OpencodeRule;
using Names = std::set<std::string, std::less<>>;

/// Asked of a person, or a way out of the directory: never a matter of "all tools".
constexpr std::array<std::string_view, 2> kOnlyByName{"external_directory", "doom_loop"};
/// They wait for somebody's answer.
constexpr std::array<std::string_view, 3> kNever{"question", "plan_enter", "plan_exit"};

/// Tools whose use opencode asks for under another name.
constexpr std::array<std::string_view, 5> kAliases{"write", "patch", "multiedit", "apply_patch", "todoread"};

/// opencode takes `*` and `?` in names for wildcards; in roles only "*" alone is one.
bool is_plain(std::string_view name) { return !name.empty() && name.find_first_of("*?") == std::string_view::npos; }

OpencodeRule rule(std::string permission, const char* action) { return {std::move(permission), "*", action}; }

bool has_all(const Names& names) { return names.contains("*"); }

/// What is allowed by name. Empty together with `everything` where all tools are.
struct Allowed {
    bool everything = false;
    Names names;
};

Allowed find_allowed(const Names& by_roles, const std::optional<std::vector<std::string>>& by_template) {
    if (!by_template) return {has_all(by_roles), by_roles};
    const Names listed{by_template->begin(), by_template->end()};
    if (has_all(listed)) return {has_all(by_roles), by_roles};
    if (has_all(by_roles)) return {false, listed};
    Allowed allowed;
    std::ranges::set_intersection(by_roles, listed, std::inserter(allowed.names, allowed.names.end()));
    return allowed;
}

bool matches(const OpencodeRule& one, std::string_view permission) {
    return one.pattern == "*" && names_tool(one.permission, permission);
}

/// Everything that one denied name may mean to opencode. Too much is better than too little: nobody is harmed by a
/// denial that matches nothing.
void deny(const std::string& entry, std::vector<OpencodeRule>& rules) {
    rules.push_back(rule(entry, "deny"));
    for (const auto alias : kAliases) {
        if (names_tool(entry, alias)) rules.push_back(rule(opencode_permission(alias), "deny"));
    }
    // `<server>__<tool>` here, `<server>_<tool>` there.
    if (const auto at = entry.find("__"); at != std::string::npos) {
        rules.push_back(rule(std::string{entry}.replace(at, 2, "_"), "deny"));
    }
}

}  // namespace

std::string opencode_permission(std::string_view tool) {
    if (tool == "todoread") return "todowrite";
    return std::string{std::ranges::find(kAliases, tool) == kAliases.end() ? tool : "edit"};
}

std::vector<OpencodeRule> compile_opencode_rules(const Permissions& permissions,
                                                 const std::optional<std::vector<std::string>>& template_tools) {
    if (has_all(permissions.tools_denied)) return {rule("*", "deny")};
    const Allowed allowed = find_allowed(permissions.tools_allowed, template_tools);
    std::vector<OpencodeRule> rules{rule("*", allowed.everything ? "allow" : "deny")};
    if (allowed.everything) {
        for (const auto name : kOnlyByName) {
            if (!allowed.names.contains(name)) rules.push_back(rule(std::string{name}, "deny"));
        }
    }
    for (const auto& name : allowed.names) {
        if (is_plain(name)) rules.push_back(rule(opencode_permission(name), "allow"));
    }
    // Wildcards in what is denied deny more, which nobody is harmed by.
    for (const auto& name : permissions.tools_denied) deny(name, rules);
    for (const auto name : kNever) rules.push_back(rule(std::string{name}, "deny"));
    return rules;
}

bool rules_allow(std::span<const OpencodeRule> rules, std::string_view permission) {
    bool allowed = false;
    for (const auto& one : rules) {
        if (matches(one, permission)) allowed = one.action == "allow";
    }
    return allowed;
}

bool rules_end_with(std::span<const OpencodeRule> have, std::span<const OpencodeRule> wanted) {
    return have.size() >= wanted.size() && std::ranges::equal(have.last(wanted.size()), wanted);
}

}  // namespace oiab::agent

#include "agent/permissions.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace oiab::agent;
using nlohmann::json;

namespace {

using Maybe = std::optional<double>;

constexpr struct {
    const char* group;
    const char* key;
    bool Permissions::* member;
} kFlags[] = {
    {"agents", "create", &Permissions::run_agents},          {"memory", "read_own", &Permissions::read_own_memory},
    {"memory", "read_team", &Permissions::read_team_memory}, {"memory", "read_org", &Permissions::read_org_memory},
    {"memory", "write", &Permissions::write_memory},         {"memory", "share", &Permissions::share_memory},
};

const std::vector<json> kToolLists{json(nullptr),        json::array(),      json::array({"search"}),
                                   json::array({"add"}), json::array({"*"}), json::array({"search", "add"})};

bool names(const json& list, const std::string& tool) {
    return list.is_array() && std::ranges::any_of(list, [&](const json& name) { return name == "*" || name == tool; });
}

json role_with_tools(const json& allowed, const json& denied) {
    json role{{"tools", json::object()}};
    if (!allowed.is_null()) role["tools"]["allowed"] = allowed;
    if (!denied.is_null()) role["tools"]["denied"] = denied;
    return role;
}

}  // namespace

TEST_CASE("permissions: a member's role is read") {
    const auto permissions = read_permissions(json::parse(R"({
        "agents": {"create": true}, "memory": {"read_own": true, "read_team": true, "write": true},
        "tools": {"allowed": ["*"], "denied": ["plan_tasks"]}, "cost": {"monthly_limit_usd": 20}})"));
    CHECK(permissions.run_agents);
    CHECK(permissions.read_own_memory);
    CHECK(permissions.read_team_memory);
    CHECK_FALSE(permissions.read_org_memory);
    CHECK(permissions.write_memory);
    CHECK(permissions.allows_tool("memory_add"));
    CHECK_FALSE(permissions.allows_tool("plan_tasks"));
    CHECK(permissions.monthly_limit_usd == 20.0);
    CHECK_FALSE(permissions.per_request_limit_usd.has_value());
}

TEST_CASE("permissions: what is missing or malformed allows nothing") {
    for (const auto* text : {"{}", "[]", "null", R"({"agents": true, "tools": {"allowed": "*"}})",
                             R"({"agents": {"create": "yes"}, "cost": 7})"}) {
        const auto permissions = read_permissions(json::parse(text));
        for (const auto& flag : kFlags) CHECK_FALSE(permissions.*flag.member);
        CHECK_FALSE(permissions.allows_tool("memory_add"));
        CHECK_FALSE(permissions.monthly_limit_usd.has_value());
    }
}

TEST_CASE("permissions: a limit that cannot be read is a limit of zero, and NULL is none") {
    const std::pair<const char*, Maybe> rows[] = {{"null", {}},    {"0", 0.0},    {"12.5", 12.5}, {"-1", 0.0},
                                                  {R"("7")", 0.0}, {"true", 0.0}, {"[5]", 0.0},   {"{}", 0.0}};
    for (const auto& [text, expected] : rows) {
        INFO(text);
        const auto permissions = read_permissions(
            {{"cost", {{"monthly_limit_usd", json::parse(text)}, {"per_request_limit_usd", json::parse(text)}}}});
        CHECK(permissions.monthly_limit_usd == expected);
        CHECK(permissions.per_request_limit_usd == expected);
    }
}

TEST_CASE("permissions: a flag is given where one of the roles gives it, whatever the others say") {
    // Each flag in each of three roles: missing, false, true.
    for (const auto& flag : kFlags) {
        for (int combination = 0; combination < 27; ++combination) {
            Permissions all;
            bool expected = false;
            for (int role = 0, rest = combination; role < 3; ++role, rest /= 3) {
                json written = json::object();
                if (rest % 3 > 0) written[flag.group][flag.key] = rest % 3 == 2;
                expected |= rest % 3 == 2;
                all = unite(std::move(all), read_permissions(written));
            }
            INFO(flag.group << "." << flag.key << " " << combination);
            CHECK(all.*flag.member == expected);
            for (const auto& other : kFlags) {
                if (other.member != flag.member) CHECK_FALSE(all.*other.member);
            }
        }
    }
}

TEST_CASE("permissions: a tool is allowed where one role allows it and none denies it, by name or by the star") {
    for (const auto& allowed_1 : kToolLists) {
        for (const auto& denied_1 : kToolLists) {
            for (const auto& allowed_2 : kToolLists) {
                for (const auto& denied_2 : kToolLists) {
                    const auto first = read_permissions(role_with_tools(allowed_1, denied_1));
                    const auto second = read_permissions(role_with_tools(allowed_2, denied_2));
                    const auto both = unite(first, second);
                    const auto turned = unite(second, first);
                    for (const auto* tool : {"search", "add", "other"}) {
                        const bool expected = (names(allowed_1, tool) || names(allowed_2, tool)) &&
                                              !names(denied_1, tool) && !names(denied_2, tool);
                        INFO(tool << ": " << allowed_1 << " - " << denied_1 << ", " << allowed_2 << " - " << denied_2);
                        REQUIRE(both.allows_tool(tool) == expected);
                        REQUIRE(turned.allows_tool(tool) == expected);
                    }
                }
            }
        }
    }
}

TEST_CASE("permissions: of the limits of all roles the lowest counts, and a role without one lifts none") {
    const Maybe kLimits[] = {{}, 0.0, 1.0, 5.0};
    for (const auto& a : kLimits) {
        for (const auto& b : kLimits) {
            for (const auto& c : kLimits) {
                Maybe lowest;
                Permissions all;
                for (const auto& limit : {a, b, c}) {
                    if (limit && (!lowest || *limit < *lowest)) lowest = limit;
                    json role{{"agents", {{"create", true}}}, {"cost", json::object()}};
                    if (limit) role["cost"] = {{"monthly_limit_usd", *limit}, {"per_request_limit_usd", *limit * 2}};
                    all = unite(std::move(all), read_permissions(role));
                }
                CHECK(all.monthly_limit_usd == lowest);
                CHECK(all.per_request_limit_usd == (lowest ? Maybe{*lowest * 2} : Maybe{}));
            }
        }
    }
}

TEST_CASE("permissions: the single operator may do everything and has no limit") {
    const auto all = operator_permissions();
    for (const auto& flag : kFlags) CHECK(all.*flag.member);
    CHECK(all.allows_tool("anything"));
    CHECK_FALSE(all.monthly_limit_usd.has_value());
    CHECK_FALSE(all.per_request_limit_usd.has_value());
}

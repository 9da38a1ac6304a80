#include "agent/permissions.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace oiab::agent;
using nlohmann::json;

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
                             R"({"agents": {"create": "yes"}, "cost": {"monthly_limit_usd": "7"}})"}) {
        const auto permissions = read_permissions(json::parse(text));
        CHECK_FALSE(permissions.run_agents);
        CHECK_FALSE(permissions.allows_tool("memory_add"));
        CHECK_FALSE(permissions.monthly_limit_usd.has_value());
    }
}

TEST_CASE("permissions: roles add up, denials win, and the lower limit counts") {
    Permissions reader;
    reader.tools_allowed = {"*"};
    reader.monthly_limit_usd = 50;
    Permissions writer;
    writer.run_agents = true;
    writer.tools_denied = {"memory_add"};
    writer.monthly_limit_usd = 5;
    writer.per_request_limit_usd = 1;
    const auto both = unite(reader, writer);
    CHECK(both.run_agents);
    CHECK(both.allows_tool("memory_search"));
    CHECK_FALSE(both.allows_tool("memory_add"));
    CHECK(both.monthly_limit_usd == 5.0);
    CHECK(both.per_request_limit_usd == 1.0);
}

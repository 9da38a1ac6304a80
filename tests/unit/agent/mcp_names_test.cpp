#include <catch2/catch_test_macros.hpp>
#include <set>

#include "agent/mcp_tools.hpp"

using namespace oiab::agent;

TEST_CASE("mcp names: plain ones stay, others become unique ones that every provider takes") {
    CHECK(mcp_tool_name("files", "read_file") == "files__read_file");
    CHECK(mcp_tool_name("files", "get-weather") == "files__get-weather");
    const std::vector<std::string> odd{"a.b", "a_b", "a b", "ä", "", "__", std::string(200, 'x'), std::string(201, 'x'),
                                       "x\ny"};
    std::set<std::string> names;
    for (const auto& one : odd) {
        const auto name = mcp_tool_name("files", one);
        CHECK(name.size() <= 64);
        CHECK(name.starts_with("files__"));
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
              std::string::npos);
        CHECK(name == mcp_tool_name("files", one));
        names.insert(name);
    }
    CHECK(names.size() == odd.size());
}

TEST_CASE("mcp names: a role may name tools by their beginning, and a denial wins") {
    Permissions permissions;
    permissions.tools_allowed = {"files__*", "memory_add"};
    permissions.tools_denied = {"files__delete_*"};
    CHECK(permissions.allows_tool("files__read"));
    CHECK(permissions.allows_tool("memory_add"));
    CHECK_FALSE(permissions.allows_tool("memory_search"));
    CHECK_FALSE(permissions.allows_tool("files__delete_all"));
    CHECK_FALSE(permissions.allows_tool("file"));
    permissions.tools_denied = {"*"};
    CHECK_FALSE(permissions.allows_tool("files__read"));
}

TEST_CASE("mcp names: a server serves the tenants that it names, by id or slug, or all") {
    Person operator_;
    Person ada;
    ada.tenant_id = *oiab::core::TenantId::parse("0192f0c1-7d3a-7000-8000-00000000abcd");
    ada.tenant_slug = "contoso";
    McpServer server;
    CHECK_FALSE(server.serves(ada));
    server.tenants = {"fabrikam", ""};
    CHECK_FALSE(server.serves(ada));
    CHECK_FALSE(server.serves(operator_));
    for (const char* name : {"contoso", "0192f0c1-7d3a-7000-8000-00000000abcd"}) {
        server.tenants = {name};
        CHECK(server.serves(ada));
        CHECK_FALSE(server.serves(operator_));
    }
    server.for_all = true;
    CHECK(server.serves(operator_));
}

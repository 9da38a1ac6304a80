// `oiabd mcp`, with a scripted server.
#include <catch2/catch_test_macros.hpp>

#include "support/child_process.hpp"
#include "support/mcp_script.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;

namespace {

/// A configuration with the server as `files`.
std::string configure(const TemporaryDirectory& directory, const McpScript& script) {
    return directory.write("oiabd.toml",
                           "[mcp.files]\nurl = \"" + script.server.url("/mcp") +
                               "\"\ntenants = \"all\"\ntrusted = true\nbearer_token = \"hush-hush-hush\"\n");
}

Finished run(const std::string& config, std::vector<std::string> words) {
    std::vector<std::string> command{oiabd_path(), "mcp"};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {"--config", config});
    return run_child(std::move(command), {}, 60s);
}

}  // namespace

TEST_CASE("mcp command: lists what servers have, calls a tool, and says what goes wrong") {
    const TemporaryDirectory directory;
    McpScript script;
    script.be_modern({tool("read.me", {{"readOnlyHint", true}}), tool("send")});
    script.answers("tools/call", text_result("the text"));
    const auto config = configure(directory, script);

    const auto table = run(config, {"list"});
    CHECK(table.code == 0);
    CHECK(table.out.find("files__read_me_") != std::string::npos);
    CHECK(table.out.find("2026-07-28") != std::string::npos);
    const auto listed = run(config, {"list", "files", "--json"});
    CHECK(listed.code == 0);
    const json servers = json::parse(listed.out);
    CHECK(servers[0]["software"] == "scripted 7");
    CHECK(servers[0]["tools"][0]["tool"] == "read.me");
    CHECK(servers[0]["tools"][0]["repeatable"] == true);
    CHECK(servers[0]["tools"][1]["repeatable"] == false);

    const auto called = run(config, {"call", "files", "read.me", R"({"x":"y"})"});
    CHECK(called.code == 0);
    CHECK(called.out == "the text\n");
    CHECK(json::parse(script.requests("tools/call").at(0).body)["params"]["arguments"] == json{{"x", "y"}});
    CHECK(script.requests("tools/call").at(0).header("authorization") == "Bearer hush-hush-hush");

    CHECK(run(config, {"call", "files", "read.me", "[]"}).code == 2);
    CHECK(run(config, {"call", "nobody", "read.me"}).code == 2);
    script.on("*",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(401, ""); });
    script.on("server/discover",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(401, ""); });
    const auto refused = run(config, {"list"});
    CHECK(refused.code == 1);
    CHECK(refused.err.find("the MCP server files refuses the credentials that are configured (401)") !=
          std::string::npos);
}

TEST_CASE("mcp command: an older server's session is ended") {
    const TemporaryDirectory directory;
    McpScript script;
    script.be_legacy();
    CHECK(run(configure(directory, script), {"list"}).code == 0);
    CHECK(script.server.requests().back().method == "DELETE");
}

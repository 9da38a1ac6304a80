// `oiabd mcp`, and the daemon, with a scripted server.
#include <catch2/catch_test_macros.hpp>
#include <csignal>

#include "daemon.hpp"
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

TEST_CASE("mcp daemon: one greeting for all runtimes of a process, and a farewell at its end") {
    const TemporaryDirectory directory;
    McpScript script;
    script.be_legacy();
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_RUNTIME"] = "offline";
    cli.environment["OIABD_LLM_BASE_URL"] = "http://127.0.0.1:1/v1";
    cli.environment["OIABD_LLM_MODEL"] = "none";
    cli.environment["OIABD_CONFIG"] = configure(directory, script);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto tenant = database.value("INSERT INTO tenants (name, slug) VALUES ('C', 'c') RETURNING id");
    const auto user =
        database.value("INSERT INTO users (handle, tenant_id) VALUES ('ada', $1) RETURNING id", pqxx::params{tenant});
    database.execute(
        "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT $1, id, tenant_id FROM roles "
        "WHERE tenant_id = $2 AND name = 'member'",
        pqxx::params{user, tenant});
    database.execute("UPDATE roles SET permissions = jsonb_set(permissions, '{tools,allowed}', '[\"*\"]')");
    const auto session = database.value(
        "INSERT INTO sessions_index (session_id, user_id, tenant_id, title) VALUES ('s-1', $1, $2, 'A session') "
        "RETURNING session_id",
        pqxx::params{user, tenant});
    for (const char* runtime : {"offline", "direct"}) {
        database.execute("UPDATE tenants SET settings = jsonb_build_object('runtime', $1::text)",
                         pqxx::params{runtime});
        const auto job = database.value(
            "INSERT INTO jobs (kind, max_attempts, payload) VALUES ('agent-turn', 1, jsonb_build_object('userId', "
            "$1::text, 'sessionId', $2::text, 'text', 'Hello.')) RETURNING id",
            pqxx::params{user, session});
        // The direct one has no model to ask, which shows after its tools were listed.
        eventually(60s, [&] { return count(database, "status IN ('pending', 'running')") == "0"; }, "the turn is over");
        CHECK(database.value("SELECT status FROM jobs WHERE id = $1", pqxx::params{job}) ==
              (runtime == std::string{"offline"} ? "completed" : "failed"));
    }
    CHECK(script.requests("initialize").size() == 1);
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
    CHECK(script.requests("initialize").size() == 1);
    CHECK(script.server.requests().back().method == "DELETE");
}

TEST_CASE("mcp command: an older server's session is ended") {
    const TemporaryDirectory directory;
    McpScript script;
    script.be_legacy();
    CHECK(run(configure(directory, script), {"list"}).code == 0);
    CHECK(script.server.requests().back().method == "DELETE");
}

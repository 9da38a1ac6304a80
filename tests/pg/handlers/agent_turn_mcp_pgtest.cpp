// Turns that use tools of servers of the Model Context Protocol: which they see, and what becomes of calls that fail.
#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <pqxx/pqxx>
#include <set>

#include "agent/mcp_tools.hpp"
#include "agent_fixture.hpp"
#include "support/mcp_script.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

/// Servers made of scripts, as configuration would name them.
struct Servers {
    void add(McpScript& script, const std::string& name, const std::function<void(agent::McpServer&)>& adjust = {}) {
        agent::McpServer server;
        server.client = script.settings;
        server.client.name = name;
        server.for_all = true;
        if (adjust) adjust(server);
        list.push_back(std::move(server));
    }
    std::shared_ptr<const agent::McpTools> make() { return std::make_shared<agent::McpTools>(http, list, clock); }

    clients::HttpClient http{[] {
        clients::HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    core::SystemClock clock;
    std::vector<agent::McpServer> list;
};

std::vector<std::string> offered(const ChatRequest& request) {
    std::vector<std::string> names;
    for (const auto& one : request.tools) names.push_back(one.name);
    return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

std::string audit(Organisation& org, const std::string& target) {
    return org.database().value(
        "SELECT string_agg(action || coalesce(' ' || (payload->>'outcome'), ''), ', ' ORDER BY ts, id) FROM audit_log "
        "WHERE target = $1",
        pqxx::params{target});
}

/// A model that calls the tool, then says what it was told.
std::shared_ptr<ScriptedChat> calling(const std::string& name, const std::string& arguments = R"({"x":"hi"})") {
    return scripted([=](const ChatRequest& request, int) {
        if (request.messages.back().role == clients::Role::kTool)
            return say("told: " + request.messages.back().content);
        return use_tool(name, arguments);
    });
}

}  // namespace

TEST_CASE("mcp turn: a tool of a server is offered, called with the step's key, and on record") {
    McpScript script;
    script.be_modern({tool("echo"), tool("delete_all"), tool("odd name.v2"), tool("hidden")});
    script.answers("tools/call", text_result("42 files"));
    McpScript foreign;
    foreign.be_modern();
    McpScript gone;
    Servers servers;
    servers.add(script, "files", [](agent::McpServer& server) {
        server.for_all = false;
        server.tenants = {"contoso"};
        server.tools = {"echo", "delete_*", "odd*"};
    });
    servers.add(foreign, "foreign", [](agent::McpServer& server) {
        server.for_all = false;
        server.tenants = {"fabrikam"};
    });
    servers.add(gone, "gone", [](agent::McpServer& server) { server.client.url = "http://127.0.0.1:1/mcp"; });
    auto chat = calling("files__echo");
    Organisation org{chat, nullptr, {}, nullptr, servers.make()};
    org.database().execute(
        "UPDATE roles SET permissions = jsonb_set(permissions, '{tools}', "
        R"('{"allowed": ["*"], "denied": ["files__delete_*"]}') WHERE name = 'member')");
    const auto job = org.enqueue_turn("How many files?");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "told: 42 files");

    const auto names = offered(chat->requests().at(0));
    CHECK(has(names, "files__echo"));
    CHECK(has(names, "memory_add"));
    CHECK(has(names, agent::mcp_tool_name("files", "odd name.v2")));
    CHECK_FALSE(has(names, "files__delete_all"));
    CHECK_FALSE(has(names, "files__hidden"));
    CHECK_FALSE(has(names, "foreign__echo"));
    CHECK(foreign.server.requests().empty());
    CHECK(chat->requests().at(0).messages.at(0).content.find("their tools are missing: gone.") != std::string::npos);

    const auto call = script.requests("tools/call").at(0);
    CHECK(call.header("idempotency-key").starts_with(job + ":tool-1-0"));
    CHECK(json::parse(call.body)["params"]["arguments"] == json{{"x", "hi"}});
    CHECK(audit(org, "files__echo") == "tool.execute, tool.result done");
}

TEST_CASE("mcp turn: what a role denies or another tenant has is not called, whatever the model says") {
    McpScript script;
    script.be_modern({tool("delete.all")});
    Servers servers;
    servers.add(script, "files");
    servers.add(script, "foreign", [](agent::McpServer& server) {
        server.for_all = false;
        server.tenants = {"fabrikam"};
    });
    const std::string name = agent::mcp_tool_name("files", "delete.all");
    for (const auto& wanted : {name, std::string{"foreign__delete_all"}}) {
        auto chat = calling(wanted);
        Organisation org{chat, nullptr, {}, nullptr, servers.make()};
        // Denied as the server calls it, not as the model would.
        org.database().execute(
            "UPDATE roles SET permissions = jsonb_set(permissions, '{tools}', "
            R"('{"allowed": ["*"], "denied": ["files__delete.all"]}') WHERE name = 'member')");
        const auto job = org.enqueue_turn("Delete it all.");
        REQUIRE(org.finish(job) == "completed");
        CHECK_FALSE(has(offered(chat->requests().at(0)), wanted));
        CHECK(audit(org, wanted) == "tool.permission_deny");
        CHECK(script.requests("tools/call").empty());
    }
}

TEST_CASE("mcp turn: a retry offers the tools of the first attempt, whatever the server has by then") {
    McpScript script;
    script.be_modern({tool("echo", {{"readOnlyHint", true}})});
    std::atomic<int> calls = 0;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json& request) {
        if (++calls > 1) return connection.respond_json(200, result_message(request, text_result("at last")).dump());
        json other = tool("other");
        script.lists({other});
        connection.respond_json(429, "{}");
    });
    Servers servers;
    servers.add(script, "files");
    auto chat = calling("files__echo");
    Organisation org{chat, nullptr, {}, nullptr, servers.make()};
    const auto job = org.enqueue_turn("Go.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "2");
    CHECK(calls == 2);
    const auto requests = chat->requests();
    REQUIRE(requests.size() == 2);  // the recorded first answer is not asked for again
    CHECK(offered(requests[0]) == offered(requests[1]));
    CHECK(has(offered(requests[1]), "files__echo"));
    for (std::size_t i = 0; i < requests[0].tools.size(); ++i) {
        CHECK(requests[0].tools[i].parameters == requests[1].tools[i].parameters);
        CHECK(requests[0].tools[i].description == requests[1].tools[i].description);
    }
    CHECK(script.requests("tools/list").size() == 1);
}

TEST_CASE("mcp turn: a call whose connection breaks is repeated only where that is safe") {
    struct Case {
        bool trusted, takes_key, repeated;
        json hints;
    };
    const std::vector<Case> cases{{false, false, false, {{"readOnlyHint", true}, {"idempotentHint", true}}},
                                  {true, false, false, json::object()},
                                  {true, false, true, {{"idempotentHint", true}}},
                                  {true, false, true, {{"readOnlyHint", true}}},
                                  {false, true, true, json::object()}};
    for (std::size_t i = 0; i < cases.size(); ++i) {
        CAPTURE(i);
        McpScript script;
        script.be_modern({tool("send", cases[i].hints)});
        std::atomic<int> effects = 0;
        script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json& request) {
            if (++effects > 1) return connection.respond_json(200, result_message(request, text_result("sent")).dump());
            connection.reset();
        });
        Servers servers;
        servers.add(script, "mail", [&](agent::McpServer& server) {
            server.trusted = cases[i].trusted;
            server.takes_key = cases[i].takes_key;
        });
        Organisation org{calling("mail__send"), nullptr, {}, nullptr, servers.make()};
        const auto job = org.enqueue_turn("Send it.");
        const auto status = org.finish(job);
        if (cases[i].repeated) {
            CHECK(status == "completed");
            CHECK(effects >= 2);
            std::set<std::string> keys;
            for (const auto& call : script.requests("tools/call")) keys.insert(call.header("idempotency-key"));
            CHECK(keys.size() == 1);
        } else {
            CHECK(status == "failed");
            CHECK(org.column(job, "failure_reason") == "effect_unknown");
            CHECK(org.column(job, "last_error").find("the MCP server mail gave no answer") != std::string::npos);
            CHECK(effects == 1);
            CHECK(org.database().value("SELECT status FROM job_steps WHERE name LIKE 'tool-%'") == "unknown");
            CHECK(audit(org, "mail__send") == "tool.execute, tool.result unknown");
        }
    }
}

TEST_CASE("mcp turn: a call whose answer an older server loses on a second stream is not made again") {
    McpScript script;
    script.be_legacy({tool("send")});
    std::atomic<int> effects = 0;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        ++effects;
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk("id: e-1\nretry: 1\ndata: \n\n");
        connection.close_after();
    });
    script.on("GET", [](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.close_after();
    });
    Servers servers;
    servers.add(script, "mail");
    Organisation org{calling("mail__send"), nullptr, {}, nullptr, servers.make()};
    const auto job = org.enqueue_turn("Send it.");
    CHECK(org.finish(job) == "failed");
    CHECK(org.column(job, "failure_reason") == "effect_unknown");
    CHECK(effects == 1);
}

TEST_CASE("mcp turn: a right that is taken away during the turn is gone with the next call") {
    McpScript script;
    script.be_modern({tool("send")});
    script.answers("tools/call", text_result("sent"));
    Servers servers;
    servers.add(script, "mail");
    std::function<void()> take_away = [] {};
    auto chat = scripted([&](const ChatRequest& request, int) {
        if (request.messages.back().role == clients::Role::kTool)
            return say("told: " + request.messages.back().content);
        take_away();
        return use_tool("mail__send", R"({"x":"hi"})");
    });
    Organisation org{chat, nullptr, {}, nullptr, servers.make()};
    take_away = [url = org.database().url()] {
        // On the turn's thread, while the test's own connection is asked whether the turn has finished.
        pqxx::connection connection{url};
        pqxx::nontransaction{connection}.exec(
            "UPDATE roles SET permissions = jsonb_set(permissions, '{tools}', "
            R"('{"allowed": ["*"], "denied": ["mail__*"]}') WHERE name = 'member')");
    };
    const auto job = org.enqueue_turn("Send it.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"].get<std::string>().find("denied") != std::string::npos);
    CHECK(script.requests("tools/call").empty());
    CHECK(audit(org, "mail__send") == "tool.permission_deny");
}

TEST_CASE("mcp turn: errors of a tool and refusals of its server are told to the model") {
    McpScript script;
    script.be_modern({tool("print")});
    script.answers("tools/call", {{"isError", true}, {"content", {{{"type", "text"}, {"text", "out of paper"}}}}});
    Servers servers;
    servers.add(script, "office");
    Organisation org{calling("office__print"), nullptr, {}, nullptr, servers.make()};
    auto job = org.enqueue_turn("Print it.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == R"(told: {"error":"out of paper"})");
    CHECK(audit(org, "office__print") == "tool.execute, tool.result error");

    script.on("tools/call",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(401, ""); });
    job = org.enqueue_turn("Again.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"].get<std::string>().find("the MCP server office refuses the credentials") !=
          std::string::npos);
}

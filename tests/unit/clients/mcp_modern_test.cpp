// The client of the Model Context Protocol with servers of revision 2026-07-28.
#include <catch2/catch_test_macros.hpp>

#include "support/mcp_script.hpp"

using namespace oiab::tests;

TEST_CASE("mcp: a current server is asked what it is, then for its tools, with who asks in every request") {
    McpScript script;
    script.be_modern({tool("echo", {{"readOnlyHint", true}}), tool("send.mail", {{"idempotentHint", true}})});
    const auto listing = script.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2026-07-28");
    CHECK(listing->server == "scripted 7");
    REQUIRE(listing->tools.size() == 2);
    CHECK(listing->tools[0].read_only);
    CHECK_FALSE(listing->tools[0].idempotent);
    CHECK(listing->tools[1].name == "send.mail");
    CHECK(listing->tools[1].idempotent);

    const auto requests = script.server.requests();
    REQUIRE(requests.size() == 2);
    for (const auto& request : requests) {
        const json message = json::parse(request.body);
        CHECK(request.header("mcp-protocol-version") == "2026-07-28");
        CHECK(request.header("mcp-method") == message["method"]);
        CHECK(request.header("accept") == "application/json, text/event-stream");
        CHECK(request.header("content-type") == "application/json");
        CHECK(request.header("authorization") == "Bearer very-secret-token");
        CHECK(request.header("mcp-session-id").empty());
        const json meta = message["params"]["_meta"];
        CHECK(meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28");
        CHECK(meta["io.modelcontextprotocol/clientInfo"] == json{{"name", "oiabd"}, {"version", "1.2.3"}});
        CHECK(meta["io.modelcontextprotocol/clientCapabilities"] == json::object());
    }
    CHECK(json::parse(requests[0].body)["id"] != json::parse(requests[1].body)["id"]);
}

TEST_CASE("mcp: a call carries name, arguments and the key, in the body and in headers") {
    McpScript script;
    script.be_modern();
    script.answers("tools/call", text_result("done"));
    const auto answer = script.call("grüße", {{"x", 1}});
    REQUIRE(answer);
    CHECK(answer->text == "done");
    CHECK_FALSE(answer->is_error);
    const auto request = script.requests("tools/call").at(0);
    CHECK(request.header("mcp-name") == "=?base64?Z3LDvMOfZQ==?=");
    CHECK(request.header("idempotency-key") == "job:tool-1-0");
    const json params = json::parse(request.body)["params"];
    CHECK(params["name"] == "grüße");
    CHECK(params["arguments"] == json{{"x", 1}});
    CHECK(params["_meta"]["io.oiab/idempotency-key"] == "job:tool-1-0");
}

TEST_CASE("mcp: arguments that the schema wants in headers are there, and a server that misses them is listed anew") {
    McpScript script;
    const json with_header{
        {"name", "query"},
        {"inputSchema",
         {{"type", "object"},
          {"properties",
           {{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}},
            {"deep", {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}, {"x-mcp-header", "N"}}}}}}}}}}}};
    script.be_modern({with_header});
    script.on("tools/call", [](ServedConnection& connection, const ServedRequest& request, const json& message) {
        if (request.header("mcp-param-region") != "eu-1" || request.header("mcp-param-n") != "42") {
            connection.respond_json(400, error_message(message, -32020, "Header mismatch").dump());
        } else {
            connection.respond_json(200, result_message(message, text_result("ok")).dump());
        }
    });
    // The frozen schema is older than the annotation.
    const auto answer = script.call("query", {{"region", "eu-1"}, {"deep", {{"n", 42.0}}}});
    REQUIRE(answer);
    CHECK(answer->text == "ok");
    CHECK(script.requests("tools/call").size() == 2);
    CHECK(script.requests("tools/list").size() == 1);
}

TEST_CASE("mcp: an answer may come as a stream, and progress is told") {
    McpScript script;
    script.be_modern();
    const json progress{{"jsonrpc", "2.0"},
                        {"method", "notifications/progress"},
                        {"params", {{"progressToken", "ours"}, {"progress", 1}}}};
    json foreign = progress;
    foreign["params"]["progressToken"] = "another's";
    const json chatter{{"jsonrpc", "2.0"}, {"method", "notifications/message"}, {"params", {{"data", "log"}}}};
    const json stray{{"jsonrpc", "2.0"}, {"id", 987654}, {"result", text_result("not yours")}};
    script.on("tools/call", streaming({progress, foreign, chatter, stray, progress}, text_result("streamed")));
    int told = 0;
    auto call = McpScript::making("echo", {});
    call.on_progress = [&] { ++told; };
    const auto answer = script.call(std::move(call));
    REQUIRE(answer);
    CHECK(answer->text == "streamed");
    CHECK(told == 2);
}

TEST_CASE("mcp: pages are gathered within bounds, and circles end") {
    McpScript script;
    script.be_modern();
    script.on("tools/list", [](ServedConnection& connection, const ServedRequest&, const json& request) {
        const std::string cursor = request["params"].value("cursor", "");
        json result{{"tools", {tool("tool" + cursor)}},
                    {"nextCursor", cursor.empty()  ? "a"
                                   : cursor == "a" ? "b"
                                                   : "a"}};
        connection.respond_json(200, result_message(request, result).dump());
    });
    const auto listing = script.list();
    REQUIRE(listing);
    CHECK(script.requests("tools/list").size() == 3);
    CHECK(listing->tools.size() == 3);

    script.on("tools/list", [](ServedConnection& connection, const ServedRequest&, const json& request) {
        json result{{"tools", json::array()}, {"nextCursor", request["params"].value("cursor", "") + "x"}};
        for (int i = 0; i < 100; ++i) {
            result["tools"].push_back(tool("t" + result["nextCursor"].get<std::string>() + std::to_string(i)));
        }
        connection.respond_json(200, result_message(request, result).dump());
    });
    script.clock.move(2h);
    const auto endless = script.list();
    REQUIRE(endless);
    CHECK(endless->tools.size() == 500);
    CHECK(endless->rejected.back().find("more tools than are taken") != std::string::npos);

    script.on("tools/list", [](ServedConnection& connection, const ServedRequest&, const json& request) {
        const std::string cursor = request["params"].value("cursor", "") + "x";
        const json result{{"tools", {tool("tool" + cursor)}}, {"nextCursor", cursor}};
        connection.respond_json(200, result_message(request, result).dump());
    });
    script.clock.move(2h);
    const auto slow = script.list();
    REQUIRE(slow);
    CHECK(slow->tools.size() == 32);
    CHECK(slow->rejected ==
          std::vector<std::string>{"the server has more than 32 pages of tools; the rest is left out"});
}

TEST_CASE("mcp: a list is kept as long as the server says, and never for less than a burst") {
    McpScript script;
    script.be_modern();
    script.lists({tool("echo")}, {{"ttlMs", 60'000}});
    const auto lists = [&] { return script.requests("tools/list").size(); };
    REQUIRE(script.list());
    script.clock.move(59s);
    REQUIRE(script.list());
    CHECK(lists() == 1);
    script.clock.move(2s);
    script.lists({tool("echo"), tool("new")}, {{"ttlMs", 0}});
    CHECK(script.list()->tools.size() == 2);
    CHECK(lists() == 2);
    REQUIRE(script.list());
    CHECK(lists() == 2);
    script.clock.move(3s);
    REQUIRE(script.list());
    CHECK(lists() == 3);
    CHECK(script.requests("server/discover").size() == 1);
}

TEST_CASE("mcp: what a model could not use is left out, and said") {
    McpScript script;
    json spread = tool("spread");
    spread["inputSchema"] = {
        {"type", "object"},
        {"properties", {{"a", {{"type", "array"}, {"items", {{"type", "string"}, {"x-mcp-header", "A"}}}}}}}};
    json twice = tool("twice");
    twice["inputSchema"]["properties"] = {{"a", {{"type", "string"}, {"x-mcp-header", "Same"}}},
                                          {"b", {{"type", "string"}, {"x-mcp-header", "same"}}}};
    json injecting = tool("injecting");
    injecting["inputSchema"]["properties"]["x"]["x-mcp-header"] = "A: b\r\nEvil";
    json list = tool("list");
    list["inputSchema"] = {{"type", "array"}};
    json odd = tool("odd");
    odd["inputSchema"] = "no schema";
    json huge = tool("huge");
    huge["inputSchema"]["description"] = std::string(100'000, 'x');
    json bare{{"name", "bare"}};
    json talkative = tool("talkative");
    talkative["description"] = std::string(100'000, 'd');
    script.be_modern({tool("good"), tool("good"), json{{"name", ""}}, json(7), json{{"name", {1, 2}}}, spread, twice,
                      injecting, list, odd, huge, tool(std::string(300, 'n')), bare, talkative});
    const auto listing = script.list();
    REQUIRE(listing);
    std::vector<std::string> names;
    for (const auto& one : listing->tools) names.push_back(one.name);
    CHECK(names == std::vector<std::string>{"good", "bare", "talkative"});
    CHECK(listing->rejected.size() == 11);
    CHECK(json::parse(listing->tools[1].input_schema) == json{{"type", "object"}, {"properties", json::object()}});
    CHECK(listing->tools[2].description.size() < 5000);
}

TEST_CASE("mcp: a server of versions to come, and one that speaks both, are understood") {
    McpScript script;
    script.be_legacy();
    script.on("server/discover", [](ServedConnection& connection, const ServedRequest&, const json& request) {
        const json data{{"supported", {"2031-01-01", "2025-11-25"}}};
        connection.respond_json(400, error_message(request, -32022, "Unsupported protocol version", data).dump());
    });
    const auto listing = script.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2025-11-25");

    McpScript future;
    future.answers("server/discover", {{"supportedVersions", {"2031-01-01", "2032-01-01"}}});
    const auto none = future.list();
    REQUIRE_FALSE(none);
    CHECK(none.error().message ==
          "the MCP server tester speaks no revision that oiabd knows; it offers 2031-01-01, 2032-01-01");
    CHECK(future.requests("initialize").empty());
}

TEST_CASE("mcp: a cancelled call closes its stream, and the server is sent nothing else") {
    McpScript script;
    script.be_modern();
    SyncPoint begun;
    SyncPoint closed;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk(": alive\n\n");
        begun.signal();
        if (connection.wait_for_close()) closed.signal();
    });
    boost::asio::io_context context;
    boost::asio::cancellation_signal cancel;
    bool ended = false;
    boost::asio::co_spawn(
        context, script.client().call(McpScript::making("echo", {})),
        boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, const auto& answer) {
            ended = error != nullptr || answer.error().kind == McpFailure::kCancelled;
        }));
    std::thread other{[&] {
        CHECK(begun.wait());
        boost::asio::post(context, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    }};
    context.run();
    other.join();
    CHECK(ended);
    CHECK(closed.wait());
    CHECK(script.server.requests().size() == 2);
}

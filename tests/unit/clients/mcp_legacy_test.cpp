// The client of the Model Context Protocol with servers of revision 2025-11-25, which have sessions.
#include <catch2/catch_test_macros.hpp>

#include "support/mcp_script.hpp"

using namespace oiab::tests;

namespace {

/// Runs the call until the server has it, then cancels it. @returns how it ended; nullopt where it threw.
std::optional<std::expected<McpAnswer, McpError>> cancel_once(McpScript& script, SyncPoint& begun) {
    boost::asio::io_context context;
    boost::asio::cancellation_signal cancel;
    std::optional<std::expected<McpAnswer, McpError>> ended;
    boost::asio::co_spawn(
        context, script.client().call(McpScript::making("echo", {})),
        boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, auto answer) {
            if (!error) ended = std::move(answer);
        }));
    std::thread other{[&] {
        CHECK(begun.wait());
        boost::asio::post(context, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    }};
    context.run();
    other.join();
    return ended;
}

}  // namespace

TEST_CASE("mcp legacy: a server that refuses to be discovered is greeted, and its session is in every request") {
    McpScript script;
    script.be_legacy();
    script.answers("tools/call", {{"content", {{{"type", "text"}, {"text", "old but good"}}}}});
    const auto listing = script.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2025-11-25");
    CHECK(listing->server == "old 1");
    const auto answer = script.call();
    REQUIRE(answer);
    CHECK(answer->text == "old but good");

    const auto hello = script.requests("initialize").at(0);
    CHECK(hello.header("mcp-protocol-version").empty());
    CHECK(hello.header("mcp-method").empty());
    const json params = json::parse(hello.body)["params"];
    CHECK(params["protocolVersion"] == "2025-11-25");
    CHECK(params["capabilities"] == json::object());
    CHECK(params["clientInfo"]["name"] == "oiabd");
    CHECK_FALSE(params.contains("_meta"));
    CHECK_FALSE(json::parse(script.requests("notifications/initialized").at(0).body).contains("id"));
    for (const char* method : {"notifications/initialized", "tools/list", "tools/call"}) {
        const auto request = script.requests(method).at(0);
        CHECK(request.header("mcp-session-id") == "s1");
        CHECK(request.header("mcp-protocol-version") == "2025-11-25");
    }
    run_coroutine([](McpClient& client) -> boost::asio::awaitable<int> {
        co_await client.close();
        co_return 0;
    }(script.client()));
    CHECK(script.server.requests().back().method == "DELETE");
    CHECK(script.server.requests().back().header("mcp-session-id") == "s1");
}

TEST_CASE("mcp legacy: a session that is gone is begun anew and the call made once, whichever way the server says it") {
    for (const int status : {404, 400}) {
        McpScript script;
        script.be_legacy();
        script.on("tools/call", script.with_session(
                                    [](ServedConnection& connection, const ServedRequest&, const json& request) {
                                        connection.respond_json(200,
                                                                result_message(request, text_result("kept")).dump());
                                    },
                                    status));
        REQUIRE(script.call());
        script.end_session();
        const auto answer = script.call();
        REQUIRE(answer);
        CHECK(answer->text == "kept");
        CHECK(script.requests("initialize").size() == 2);
        CHECK(script.requests("tools/call").size() == 3);
        // The server may have become another one meanwhile, so it is asked from the beginning.
        CHECK(script.requests("server/discover").size() == 2);
    }
}

TEST_CASE("mcp legacy: a server that turns every session away is not asked for ever") {
    McpScript script;
    script.be_legacy();
    script.on("tools/call",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(404, ""); });
    const auto answer = script.call();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == McpFailure::kRefused);
    CHECK(script.requests("tools/call").size() == 2);
}

TEST_CASE("mcp legacy: older revisions are spoken, unknown ones are not") {
    for (const auto& [revision, known] : std::initializer_list<std::pair<std::string, bool>>{
             {"2025-06-18", true}, {"2025-03-26", true}, {"2024-11-05", false}, {"", false}}) {
        McpScript script;
        script.be_legacy();
        script.answers("initialize", {{"protocolVersion", revision}, {"capabilities", json::object()}});
        const auto listing = script.list();
        CHECK(listing.has_value() == known);
        if (listing) {
            CHECK(listing->revision == revision);
            CHECK(script.requests("tools/list").at(0).header("mcp-protocol-version") == revision);
            CHECK(script.requests("tools/list").at(0).header("mcp-session-id").empty());
        } else {
            CHECK(listing.error().message.find("speaks no revision that oiabd knows") != std::string::npos);
        }
    }
}

TEST_CASE("mcp legacy: a cancelled call is cancelled by a message, since a broken connection says nothing") {
    McpScript script;
    script.be_legacy();
    SyncPoint begun;
    SyncPoint told;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        begun.signal();
        (void)connection.wait_for_close();
    });
    script.on("notifications/cancelled", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.respond(202, "");
        told.signal();
    });
    const auto ended = cancel_once(script, begun);
    if (ended) CHECK(ended->error().kind == McpFailure::kCancelled);
    CHECK(told.wait());
    const json call = json::parse(script.requests("tools/call").at(0).body);
    const json notice = json::parse(script.requests("notifications/cancelled").at(0).body);
    CHECK(notice["params"]["requestId"] == call["id"]);
    CHECK_FALSE(notice.contains("id"));
    CHECK(script.requests("notifications/cancelled").at(0).header("mcp-session-id") == "s1");
}

TEST_CASE("mcp legacy: a call past its time is cancelled at the server, and unknown to us") {
    McpScript script;
    script.settings.timeout = 300ms;
    script.be_legacy();
    SyncPoint told;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        (void)connection.wait_for_close();
    });
    script.on("notifications/cancelled", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.respond(202, "");
        told.signal();
    });
    REQUIRE(script.list());
    const auto answer = script.call();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == McpFailure::kTimeout);
    CHECK(told.wait());
}

TEST_CASE("mcp legacy: what the server asks of us is answered, so that it does not wait for ever") {
    McpScript script;
    script.be_legacy();
    const json ping{{"jsonrpc", "2.0"}, {"id", "p-1"}, {"method", "ping"}};
    const json sampling{
        {"jsonrpc", "2.0"}, {"id", 5}, {"method", "sampling/createMessage"}, {"params", json::object()}};
    script.on("tools/call", streaming({ping, sampling}, text_result("after that")));
    script.on("POST",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(202, ""); });
    const auto answer = script.call();
    REQUIRE(answer);
    CHECK(answer->text == "after that");
    std::vector<json> ours;
    for (const auto& request : script.server.requests()) {
        const json message = json::parse(request.body, nullptr, false);
        if (message.is_object() && !message.contains("method")) ours.push_back(message);
    }
    REQUIRE(ours.size() == 2);
    CHECK(ours[0] == json{{"jsonrpc", "2.0"}, {"id", "p-1"}, {"result", json::object()}});
    CHECK(ours[1]["id"] == 5);
    CHECK(ours[1]["error"]["code"] == -32601);
}

TEST_CASE("mcp legacy: a stream that breaks is taken up again where it was, without a second call") {
    McpScript script;
    script.be_legacy();
    json pending;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json& request) {
        pending = request;
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk("id: e-1\nretry: 10\ndata: \n\n");
        connection.close_after();
    });
    script.on("GET", [&](ServedConnection& connection, const ServedRequest& request, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        if (request.header("last-event-id") == "e-1") connection.chunk("id: e-2\ndata: \n\n");
        else connection.chunk("data: " + result_message(pending, text_result("late")).dump() + "\n\n");
        connection.end_chunks();
    });
    const auto answer = script.call();
    REQUIRE(answer);
    CHECK(answer->text == "late");
    CHECK(script.requests("tools/call").size() == 1);
    std::vector<std::string> seen;
    for (const auto& request : script.server.requests()) {
        if (request.method != "GET") continue;
        seen.push_back(request.header("last-event-id"));
        CHECK(request.header("mcp-session-id") == "s1");
        CHECK(request.header("idempotency-key").empty());
        CHECK(request.header("authorization") == "Bearer very-secret-token");
    }
    CHECK(seen == std::vector<std::string>{"e-1", "e-2"});
}

TEST_CASE("mcp legacy: a stream that cannot be taken up again leaves the call unknown") {
    McpScript script;
    script.be_legacy();
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk("id: e-1\nretry: 1\ndata: \n\n");
        connection.close_after();
    });
    const auto answer = script.call();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == McpFailure::kUnknown);
    CHECK(script.requests("tools/call").size() == 1);
}

TEST_CASE(
    "mcp legacy: a call whose answer does not come on the stream that was taken up again is unknown, not unsent") {
    McpScript script;
    script.be_legacy();
    bool falls_silent = false;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk("id: e-1\nretry: 1\ndata: \n\n");
        connection.close_after();
    });
    script.on("GET", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        if (falls_silent) (void)connection.wait_for_close();
        else connection.close_after();
    });
    script.on("notifications/cancelled",
              [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(202, ""); });
    SECTION("it breaks again and again") {
        const auto answer = script.call();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == McpFailure::kUnknown);
    }
    SECTION("it falls silent until the time is up") {
        falls_silent = true;
        script.settings.timeout = 1s;
        const auto answer = script.call();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == McpFailure::kTimeout);
    }
    CHECK(script.requests("tools/call").size() == 1);
}

TEST_CASE("mcp legacy: news of other tools make the list old at once") {
    McpScript script;
    script.be_legacy();
    REQUIRE(script.list());
    REQUIRE(script.list());
    CHECK(script.requests("tools/list").size() == 1);
    const json news{{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}};
    script.on("tools/call", streaming({news}, text_result("x")));
    REQUIRE(script.call());
    REQUIRE(script.list());
    CHECK(script.requests("tools/list").size() == 2);
}

// What goes wrong between the client of the Model Context Protocol and its servers, and what hostile servers send.
#include <catch2/catch_test_macros.hpp>

#include "clients/mcp_headers.hpp"
#include "clients/mcp_message.hpp"
#include "support/mcp_script.hpp"

using namespace oiab::tests;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

McpScript::Reply responding(int status, std::string body, ServedConnection::Headers headers = {}) {
    return [=](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.respond_json(status, body, headers);
    };
}

}  // namespace

TEST_CASE("mcp: refused credentials name the server and the status, and no older revision is tried") {
    for (const int status : {401, 403}) {
        McpScript script;
        script.on("*", responding(status, R"({"error":"invalid_token"})"));
        const auto listing = script.list();
        REQUIRE_FALSE(listing);
        CHECK(listing.error().kind == McpFailure::kUnauthorized);
        CHECK(listing.error().message ==
              "the MCP server tester refuses the credentials that are configured (" + std::to_string(status) + ")");
        CHECK(script.server.requests().size() == 1);
        CHECK(script.call().error().kind == McpFailure::kUnauthorized);
    }
}

TEST_CASE("mcp: a server that is not there is told from one that may have acted") {
    McpScript gone;
    gone.settings.url = "http://127.0.0.1:1/mcp";
    CHECK(gone.list().error().kind == McpFailure::kUnavailable);
    CHECK(gone.call().error().kind == McpFailure::kUnavailable);

    const std::vector<std::pair<McpScript::Reply, McpFailure>> ends{
        {[](ServedConnection& connection, const ServedRequest&, const json&) { connection.close_after(); },
         McpFailure::kUnknown},
        {[](ServedConnection& connection, const ServedRequest&, const json&) { connection.reset(); },
         McpFailure::kUnknown},
        {[](ServedConnection& connection, const ServedRequest&, const json&) {
             connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
             connection.chunk("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n");
             connection.close_after();
         },
         McpFailure::kUnknown},
        {[](ServedConnection& connection, const ServedRequest&, const json&) {
             connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
             connection.end_chunks();
         },
         McpFailure::kUnknown},
        {responding(500, ""), McpFailure::kUnknown},
        {responding(502, "<html>"), McpFailure::kUnknown},
        {responding(503, ""), McpFailure::kUnknown},
        {responding(429, "", {{"Retry-After", "7"}}), McpFailure::kUnavailable},
        {responding(302, "", {{"Location", "http://127.0.0.1:1/"}}), McpFailure::kRefused},
        {responding(413, ""), McpFailure::kRefused},
        {responding(200, "not json"), McpFailure::kUnusable},
        {responding(200, "[]"), McpFailure::kUnusable},
        {responding(200, R"({"jsonrpc":"2.0","id":99999,"result":{}})"), McpFailure::kUnusable},
        {responding(200, std::string(100'000, '[')), McpFailure::kUnusable},
    };
    for (std::size_t i = 0; i < ends.size(); ++i) {
        CAPTURE(i);
        McpScript script;
        script.be_modern();
        script.on("tools/call", ends[i].first);
        const auto answer = script.call();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ends[i].second);
        CHECK(contains(answer.error().message, "the MCP server tester "));
        CHECK(script.requests("tools/call").size() == 1);
        if (answer.error().kind == McpFailure::kUnavailable) CHECK(answer.error().retry_after == 7s);
    }
}

TEST_CASE("mcp: a call that must not be repeated is sent once on a kept connection, whatever becomes of that") {
    for (const bool may_repeat : {false, true}) {
        McpScript script;
        script.be_modern();
        REQUIRE(script.list());
        script.on("tools/call", [](ServedConnection& connection, const ServedRequest&, const json& request) {
            connection.respond_json(200, result_message(request, text_result("done")).dump());
        });
        auto first = McpScript::making("echo", {});
        first.may_repeat = may_repeat;
        REQUIRE(script.call(std::move(first)));
        CHECK(script.server.connections() == 1);
        script.on("tools/call", [](ServedConnection& connection, const ServedRequest&, const json&) {
            connection.close_after();  // it has been read, and perhaps acted upon
        });
        auto call = McpScript::making("echo", {});
        call.may_repeat = may_repeat;
        const auto answer = script.call(std::move(call));
        REQUIRE_FALSE(answer);
        if (may_repeat) {
            CHECK(answer.error().kind == McpFailure::kUnavailable);
            CHECK(script.requests("tools/call").size() == 3);
        } else {
            CHECK(answer.error().kind == McpFailure::kUnknown);
            CHECK(script.requests("tools/call").size() == 2);
        }
    }
}

TEST_CASE("mcp: a call past its time is unknown, and its stream is closed") {
    McpScript script;
    script.settings.timeout = 300ms;
    script.be_modern();
    SyncPoint closed;
    script.on("tools/call", [&](ServedConnection& connection, const ServedRequest&, const json&) {
        if (connection.wait_for_close()) closed.signal();
    });
    REQUIRE(script.list());
    const auto answer = script.call();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == McpFailure::kTimeout);
    CHECK(closed.wait());
}

TEST_CASE("mcp: what the server refuses is told in its words, without our secrets") {
    McpScript script;
    script.be_modern();
    script.on("tools/call", [](ServedConnection& connection, const ServedRequest& request, const json& message) {
        connection.respond_json(
            200, error_message(message, -32602, "no such\ntool; you sent " + request.header("authorization")).dump());
    });
    const auto refused = script.call();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == McpFailure::kRefused);
    CHECK(refused.error().message == "the MCP server tester refuses (-32602): no such tool; you sent ***");

    script.answers("tools/call",
                   {{"isError", true}, {"content", {{{"type", "text"}, {"text", "token very-secret-token is bad"}}}}});
    const auto failed = script.call();
    REQUIRE(failed);
    CHECK(failed->is_error);
    CHECK(failed->text == "token *** is bad");

    // Half of a secret, left where a long text is cut, is not recognised any more.
    const std::string filler(script.settings.max_result_bytes - 10, 'x');
    script.answers("tools/call", {{"content", {{{"type", "text"}, {"text", filler + "very-secret-token"}}}}});
    CHECK_FALSE(contains(script.call()->text, "very"));
    const std::string uri = std::string(290, 'u') + "very-secret-token";
    script.answers("tools/call", {{"content", {{{"type", "resource"}, {"resource", {{"uri", uri}, {"text", ""}}}}}}});
    CHECK_FALSE(contains(script.call()->text, "very"));
    script.on("tools/call", [](ServedConnection& connection, const ServedRequest&, const json& message) {
        const auto said = std::string(490, 's') + "very-secret-token";
        connection.respond_json(200, error_message(message, -32602, said).dump());
    });
    CHECK_FALSE(contains(script.call().error().message, "very"));

    script.answers("tools/call", {{"resultType", "input_required"}, {"inputRequests", json::object()}});
    CHECK(contains(script.call().error().message, "a job has nobody to ask"));
    script.answers("tools/call", {{"resultType", "hologram"}, {"content", json::array()}});
    CHECK(script.call().error().kind == McpFailure::kUnusable);
}

TEST_CASE("mcp: results become text, and long ones are cut with a word about it") {
    const json mixed{{"content",
                      {{{"type", "text"}, {"text", "one"}},
                       {{"type", "image"}, {"mimeType", "image/png"}, {"data", std::string(400, 'A')}},
                       {{"type", "resource_link"}, {"name", "n"}, {"uri", "file:///x"}},
                       {{"type", "resource"}, {"resource", {{"uri", "u:1"}, {"text", "inside"}}}},
                       {{"type", "resource"}, {"resource", {{"uri", "u:2"}, {"blob", "AAAA"}}}},
                       {{"type", "surprise"}},
                       "no block"}},
                     {"structuredContent", {{"ignored", true}}}};
    const auto answer = mcp::read_tool_result(mixed, 10'000);
    REQUIRE(answer);
    CHECK(answer->text ==
          "one\n[image of type image/png, 300 bytes, not shown]\n[link to resource n: file:///x]\n[resource "
          "u:1]\ninside\n"
          "[resource u:2 of type , 3 bytes, not shown]\n[content of type \"surprise\", not shown]\n"
          "[content of type \"\", not shown]");
    CHECK(mcp::read_tool_result({{"structuredContent", {{"a", 1}}}}, 100)->text == R"({"a":1})");
    CHECK(mcp::read_tool_result({{"content", json::array()}}, 100)->text.empty());
    for (const json& bad : {json(nullptr), json("text"), json{{"content", "text"}}, json::object()}) {
        CHECK_FALSE(mcp::read_tool_result(bad, 100));
    }
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "ü";
    const auto cut = mcp::read_tool_result(text_result(umlauts), 51);
    REQUIRE(cut);
    CHECK(contains(cut->text, "[cut here: the result has 200 bytes, and at most 51 are shown]"));
    CHECK(cut->text.substr(0, 50) == umlauts.substr(0, 50));
    CHECK(cut->text.find("ü…") == 48);
}

TEST_CASE("mcp: answers beyond every bound are given up, and the client stays usable") {
    McpScript script;
    script.be_modern();
    script.on("tools/call", [](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        for (int i = 0; i < 64; ++i) connection.chunk("data: " + std::string(1U << 20U, 'x'));
    });
    CHECK(script.call().error().kind == McpFailure::kUnusable);
    script.on("tools/call", [](ServedConnection& connection, const ServedRequest&, const json&) {
        connection.begin_chunked(200, {{"Content-Type", "application/json"}});
        for (int i = 0; i < 64; ++i) connection.chunk(std::string(1U << 20U, ' '));
    });
    CHECK(script.call().error().kind == McpFailure::kUnusable);
    script.answers("tools/call", text_result("fine"));
    CHECK(script.call()->text == "fine");
}

TEST_CASE("mcp: a server that is down is asked once for all who wait, and again soon after") {
    McpScript script;
    script.on("*", responding(503, ""));
    CHECK(script.list().error().kind == McpFailure::kUnavailable);
    CHECK(script.list().error().kind == McpFailure::kUnavailable);
    CHECK(script.server.requests().size() == 1);
    script.be_modern();
    script.clock.move(3s);
    CHECK(script.list());
}

TEST_CASE("mcp: many coroutines at once greet and list once") {
    McpScript script;
    script.be_legacy();
    boost::asio::io_context context;
    int listed = 0;
    for (int i = 0; i < 50; ++i) {
        boost::asio::co_spawn(context, script.client().list(Deadline::after(60s)),
                              [&](std::exception_ptr error, const auto& listing) { listed += !error && listing; });
    }
    context.run();
    CHECK(listed == 50);
    CHECK(script.requests("initialize").size() == 1);
    CHECK(script.requests("tools/list").size() == 1);
}

TEST_CASE("mcp: header values are encoded where they must be") {
    CHECK(mcp::header_value("us-west1") == "us-west1");
    CHECK(mcp::header_value("Hello, 世界") == "=?base64?SGVsbG8sIOS4lueVjA==?=");
    CHECK(mcp::header_value(" padded ") == "=?base64?IHBhZGRlZCA=?=");
    CHECK(mcp::header_value("line1\nline2") == "=?base64?bGluZTEKbGluZTI=?=");
    CHECK(mcp::header_value("=?base64?literal?=") == "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
    CHECK(mcp::header_value("").empty());
}

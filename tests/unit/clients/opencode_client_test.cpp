// The opencode client against a scripted server: what it sends, and that nothing a server sends upsets it.
#include <catch2/catch_test_macros.hpp>

#include "clients/opencode_client.hpp"
#include "clients/opencode_read.hpp"
#include "support/http_server.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using nlohmann::json;
using oiab::tests::HttpServer;
using oiab::tests::run_coroutine;
using oiab::tests::ServedConnection;
using oiab::tests::ServedRequest;

namespace {

struct Peer {
    explicit Peer(HttpServer::Script script) : server{std::move(script)} {}

    OpencodeClient client() {
        OpencodeSettings settings;
        settings.base_url = server.url("/");
        settings.password = "secret";
        settings.call_timeout = 10s;
        return {http, settings};
    }

    HttpClientSettings without_proxy() {
        HttpClientSettings settings;
        settings.proxy = "";
        return settings;
    }
    HttpServer server;
    HttpClient http{without_proxy()};
};

HttpServer::Script answer(int status, std::string body) {
    return [status, body = std::move(body)](ServedConnection& connection, const ServedRequest&) {
        connection.respond_json(status, body);
    };
}

asio::awaitable<std::vector<std::string>> read_types(OpencodeClient& client) {
    std::vector<std::string> types;
    auto events = co_await client.events("/w");
    if (!events) co_return types;
    while (true) {
        const auto batch = co_await events->next();
        if (!batch) co_return types;
        for (const auto& event : *batch) types.push_back(event.type + event.session_id);
    }
}

}  // namespace

TEST_CASE("opencode client: credentials and directory go with every call") {
    Peer peer{answer(200, "[]")};
    auto client = peer.client();
    CHECK(run_coroutine(client.messages("ses_1", "/srv/a b&c", 5)));
    const auto request = peer.server.requests().front();
    CHECK(request.target == "/session/ses_1/message?limit=5&directory=%2Fsrv%2Fa%20b%26c");
    CHECK(request.header("authorization") == "Basic b3BlbmNvZGU6c2VjcmV0");
}

TEST_CASE("opencode client: a prompt carries our ids, and text that JSON cannot hold is repaired") {
    Peer peer{answer(204, "")};
    auto client = peer.client();
    OpencodePrompt prompt;
    prompt.session_id = "ses_1";
    prompt.message_id = "msg_1";
    prompt.part_id = "prt_1";
    prompt.provider = "p";
    prompt.model = "m";
    prompt.text = "bad \xff byte";
    CHECK(run_coroutine(client.prompt(prompt, "/w")));
    const auto body = json::parse(peer.server.requests().front().body);
    CHECK(body.at("messageID") == "msg_1");
    CHECK(body.at("parts").at(0).at("id") == "prt_1");
    CHECK(body.at("model") == json{{"providerID", "p"}, {"modelID", "m"}});
    CHECK_FALSE(body.contains("system"));
}

TEST_CASE("opencode client: refusals are told apart, without the password") {
    const auto kind = [](int status, const std::string& body) {
        Peer peer{answer(status, body)};
        auto client = peer.client();
        const auto found = run_coroutine(client.find_session("ses_1", "/w"));
        REQUIRE_FALSE(found);
        CHECK(found.error().message.find("secret") == std::string::npos);
        return found.error().kind;
    };
    CHECK(kind(404, R"({"name": "NotFoundError", "data": {"message": "Session not found"}})") ==
          OpencodeTrouble::kNotFound);
    CHECK(kind(401, "") == OpencodeTrouble::kRefused);
    CHECK(kind(400, "[1, 2") == OpencodeTrouble::kRefused);
    CHECK(kind(500, R"({"data": 5})") == OpencodeTrouble::kServer);
    for (const int of_proxy : {502, 503, 504}) CHECK(kind(of_proxy, "") == OpencodeTrouble::kUnreachable);
    CHECK(kind(200, "no json") == OpencodeTrouble::kServer);
    CHECK(kind(200, "[]") == OpencodeTrouble::kServer);

    OpencodeSettings nobody;
    nobody.base_url = "http://127.0.0.1:1";
    HttpClientSettings settings;
    settings.proxy = "";
    HttpClient http{settings};
    OpencodeClient client{http, nobody};
    const auto found = run_coroutine(client.version());
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == OpencodeTrouble::kUnreachable);
}

TEST_CASE("opencode client: a message that is there is told from one that is not, and from trouble") {
    Peer peer{answer(500, "{}")};
    peer.server.next(answer(200, R"({"info":{"id":"msg_1","role":"user"},"parts":[]})"));
    peer.server.next(answer(404, R"({"name":"NotFoundError"})"));
    auto client = peer.client();
    const auto ask = [&] { return run_coroutine(client.has_message("ses_1", "msg_1", "/work")); };
    const auto there = ask();
    REQUIRE(there);
    CHECK(*there);
    const auto absent = ask();
    REQUIRE(absent);
    CHECK_FALSE(*absent);
    CHECK_FALSE(ask());
    CHECK(peer.server.requests().front().target == "/session/ses_1/message/msg_1?directory=%2Fwork");
}

TEST_CASE("opencode client: a session that status does not list is idle") {
    Peer peer{
        answer(200, R"({"ses_a": {"type": "busy"}, "ses_b": {"type": "retry", "message": "later", "next": 12}})")};
    auto client = peer.client();
    CHECK(run_coroutine(client.status("ses_a", "/w"))->activity == OpencodeActivity::kBusy);
    CHECK(run_coroutine(client.status("ses_b", "/w"))->activity == OpencodeActivity::kRetry);
    CHECK(run_coroutine(client.status("ses_b", "/w"))->next_at == 12ms);
    CHECK(run_coroutine(client.status("ses_c", "/w"))->activity == OpencodeActivity::kIdle);
}

TEST_CASE("opencode client: events come as they are sent, and the end of the stream is an error") {
    Peer peer{[](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk("data: {\"type\":\"server.connected\",\"properties\":{}}\n\ndata: nonsense\n\n");
        connection.chunk("data: {\"type\":\"session.idle\",\"properties\":{\"sessionID\":\"ses_1\"}}\n\n");
        connection.end_chunks();
    }};
    auto client = peer.client();
    const auto types = run_coroutine(read_types(client));
    CHECK(types == std::vector<std::string>{"server.connected", "session.idleses_1"});
}

TEST_CASE("opencode reading: members of any type and none count as absent") {
    for (
        const char* text :
        {"null", "5", "\"x\"", "[]", "{}", R"({"info": 5})", R"({"info": {"id": 5, "role": []}})",
         R"({"info": {"id": "m", "role": "assistant", "time": 5, "tokens": [], "error": "x", "cost": "y"}, "parts": 5})",
         R"({"info": {"id": "m", "role": "assistant"}, "parts": [5, null, {"type": "tool", "state": 5}, {"type": 5}]})",
         R"({"info": {"id": "m", "role": "assistant", "cost": -1e300, "tokens": {"input": -5, "cache": 3}}, "parts": {}})"}) {
        INFO(text);
        const auto message = read_opencode_message(json::parse(text));
        if (!message) continue;
        CHECK(message->cost_usd == 0);
        CHECK(message->tokens.input == 0);
    }
    CHECK_FALSE(read_opencode_messages(json{{"a", 1}}));
    CHECK_FALSE(read_opencode_requests(json("x")));
    CHECK_FALSE(read_opencode_event("[[["));
    CHECK(read_opencode_status(json{{"type", 5}}).activity == OpencodeActivity::kIdle);
    CHECK(read_opencode_models(json{{"providers", {5, {{"id", "p"}, {"models", 7}}}}})->known.empty());
    CHECK(read_opencode_refusal(R"({"data": {"message": ")" + std::string(1000, 'x') + "\"}}").size() == 300);
}

TEST_CASE("opencode reading: a tool's state, an answer's end, an error") {
    const auto message = read_opencode_message(json::parse(R"({
        "info": {"id": "m", "role": "assistant", "parentID": "u", "finish": "tool-calls", "cost": 0.5,
                 "summary": true, "time": {"created": 1000, "completed": 1500},
                 "tokens": {"input": 7, "output": 8, "reasoning": 9, "cache": {"read": 10, "write": 11}},
                 "error": {"name": "APIError", "data": {"message": "no", "isRetryable": true, "statusCode": 503}}},
        "parts": [{"type": "tool", "tool": "bash", "callID": "c", "state": {"status": "running", "input": {"a": 1}}},
                  {"type": "tool", "tool": "task", "state": {"status": "completed", "output": "o",
                                                              "metadata": {"sessionId": "ses_child"}}},
                  {"type": "tool", "tool": "new", "state": {"status": "a-word-of-tomorrow"}},
                  {"type": "text", "text": "t", "time": {"start": 1, "end": 2}}]})"));
    REQUIRE(message);
    CHECK(message->completed);
    CHECK(message->summary);
    CHECK(message->duration == 500ms);
    CHECK(message->tokens.cache_write == 11);
    REQUIRE(message->error);
    CHECK(message->error->is_retryable);
    REQUIRE(message->parts.size() == 4);
    CHECK(message->parts[0].status == OpencodeToolStatus::kRunning);
    CHECK(message->parts[1].child_session == "ses_child");
    CHECK(message->parts[2].status == OpencodeToolStatus::kRunning);
    CHECK(message->parts[3].ended);
}

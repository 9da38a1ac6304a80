// Turns whose models, providers and workers do not behave.
#include "agent_fixture.hpp"
#include "clients/http_client.hpp"
#include "clients/openai_chat.hpp"
#include "support/http_server.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

const std::string kMark = "\xEF\xBF\xBD";

/// Never answers; gives up at the deadline, as a client does whose server hangs.
class HangingEmbedder final : public clients::Embedder {
public:
    boost::asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string>,
                                                                                 core::Deadline deadline) override {
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, deadline.at()};
        co_await timer.async_wait(boost::asio::use_awaitable);
        co_return std::unexpected{ModelError{ModelErrorClass::kDeadline, "nothing came", std::nullopt, 0}};
    }
    [[nodiscard]] std::string_view model() const noexcept override { return "hanging"; }
};

std::string conversation(Organisation& org) {
    return org.database().value(
        "SELECT string_agg(role || ':' || content || coalesce(tool_calls::text, ''), '|' ORDER BY seq) "
        "FROM session_messages");
}

}  // namespace

TEST_CASE("agent-turn: tool calls of the round without tools are dropped, and silence gets a sentence") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (request.messages.back().content == "and now?") return say("Later.");
        return use_tool("memory_search", R"({"query": "x"})");
    });
    Organisation org{chat, std::make_shared<clients::OfflineEmbedder>(),
                     [](agent::AgentSettings& settings) { settings.max_tool_rounds = 1; }};
    const auto job = org.enqueue_turn("go");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "(The model ended the turn without an answer.)");
    CHECK(conversation(org).ends_with("|assistant:(The model ended the turn without an answer.)"));
    REQUIRE(org.finish(org.enqueue_turn("and now?")) == "completed");
    const auto history = chat->requests().back().messages;
    CHECK(history.at(history.size() - 2).tool_calls.empty());
}

TEST_CASE("agent-turn: attempts that were given back leave no piece of their answers, and each its own estimate") {
    auto chat = std::make_shared<ScriptedChat>([](const ChatRequest&, int number) -> boost::asio::awaitable<ChatReply> {
        if (number == 3) co_return say("Hello Ada.");
        boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, 1h};
        co_await forever.async_wait(boost::asio::use_awaitable);
        co_return say("never");
    });
    Organisation org{chat};
    auto& db = org.database();
    const auto job = org.enqueue_turn("Hello?");
    for (std::size_t lost = 1; lost <= 2; ++lost) {
        org.start();
        eventually(30s, [&] { return chat->requests().size() == lost; }, "the model is asked");
        org.stop();
        CHECK(org.column(job, "status || attempts") == "pending0");
        db.execute("INSERT INTO session_stream (session_id, job_id, position, delta) VALUES ('s1', $1, $2, 'stale')",
                   pqxx::params{job, lost});
    }
    REQUIRE(org.finish(job) == "completed");
    CHECK(db.value("SELECT string_agg(delta, '' ORDER BY position) FROM session_stream") == "Hello Ada.");
    CHECK(db.value("SELECT count(*) FROM usage_events WHERE request_id LIKE '%:lost-%'") == "2");
}

TEST_CASE("agent-turn: a provider's broken UTF-8 and NUL arrive as rows that can be stored") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.respond_json(200, "{\"choices\":[{\"message\":{\"content\":\"fine\xFF\\u0000!\"}}]}");
    }};
    server.next([](ServedConnection& connection, const ServedRequest&) {
        connection.respond_json(
            200,
            "{\"choices\":[{\"message\":{\"content\":\"a\xC3\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":"
            "\"memory_add\",\"arguments\":\"{\\\"content\\\":\\\"tea\\\\u0000 \\\\ud83d\xFF.\\\"}\"}}]}}]}");
    });
    clients::HttpClientSettings direct;
    direct.proxy = "";
    clients::HttpClient http{direct};
    core::SystemClock clock;
    clients::OpenAiChatSettings settings;
    settings.provider.base_url = server.url("/v1");
    Organisation org{std::make_shared<clients::OpenAiChat>(http, settings, clock)};
    const auto job = org.enqueue_turn("I like tea.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "1");
    CHECK(org.result(job)["text"] == "fine" + kMark + kMark + "!");
    CHECK(org.database().value("SELECT content FROM memories") == "tea" + kMark + " " + kMark + kMark + ".");
    CHECK(org.database().value("SELECT content FROM session_messages WHERE tool_calls IS NOT NULL") == "a" + kMark);
}

TEST_CASE("agent-turn: only rows of the configured provider choose the model") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat};
    auto& db = org.database();
    const auto model_of_a_turn = [&] {
        REQUIRE(org.finish(org.enqueue_turn("hello")) == "completed");
        return chat->requests().back().model;
    };
    db.execute("INSERT INTO providers (user_id, provider, default_model, preferred) VALUES ($1, 'other', 'm-9', true)",
               pqxx::params{org.user()});
    CHECK(model_of_a_turn() == "scripted-1");
    CHECK(db.value("SELECT DISTINCT provider FROM usage_events WHERE purpose = 'chat'") == "test");
    db.execute("INSERT INTO providers (tenant_id, provider, default_model) VALUES ($1, 'test', 'scripted-2')",
               pqxx::params{org.tenant()});
    CHECK(model_of_a_turn() == "scripted-2");
}

TEST_CASE("agent-turn: the offline runtime has one model, whatever rows and sessions name") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat, nullptr, [](agent::AgentSettings& settings) { settings.only_configured = true; }};
    org.database().execute("INSERT INTO providers (user_id, provider, default_model) VALUES ($1, 'test', 'm-9')",
                           pqxx::params{org.user()});
    org.database().execute(R"(UPDATE sessions_index SET model_choice = '{"providerID": "test", "modelID": "m-8"}')");
    REQUIRE(org.finish(org.enqueue_turn("hello")) == "completed");
    CHECK(chat->requests().back().model == "scripted-1");

    core::SystemClock clock;
    clients::HttpClient http;
    CHECK(handlers::make_agent_world({}, http, clock)->settings.only_configured);
}

TEST_CASE("agent-turn: an embedding server that hangs costs the memories' order, not the turn") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat, std::make_shared<HangingEmbedder>(),
                     [](agent::AgentSettings& settings) { settings.recall.timeout = 100ms; }};
    org.add_memory("Ada likes tea.");
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "1");
    CHECK(org.result(job)["memories"].size() == 1);
}

TEST_CASE("agent-turn: each use of a tool is recorded for analytics, with what became of it") {
    auto chat = scripted([](const ChatRequest&, int number) {
        if (number == 1) return use_tool("memory_add", R"({"content": "Ada likes tea."})");
        if (number == 2) return use_tool("memory_add", "{}");
        if (number == 3) return use_tool("launch_rockets", "{}");
        return say("Noted.");
    });
    Organisation org{chat};
    const auto job = org.enqueue_turn("I like tea.");
    REQUIRE(org.finish(job) == "completed");
    auto& db = org.database();
    CHECK(db.value("SELECT string_agg(concat_ws(' ', split_part(event_key, ':', 2), tool, outcome), ', ' ORDER BY "
                   "event_key) FROM tool_events WHERE event_key LIKE job_id || ':%' AND session_id = 's1'") ==
          "tool-1-0 memory_add success, tool-2-0 memory_add failure, tool-3-0 launch_rockets denied");
    CHECK(db.value("SELECT bool_and(user_id = $1 AND tenant_id = $2 AND length(input_hash) = 64) FROM tool_events",
                   pqxx::params{org.user(), org.tenant()}) == "t");
}

TEST_CASE("agent-turn: a model client that throws ends the attempt at once") {
    auto chat = scripted([](const ChatRequest&, int number) -> ChatReply {
        if (number == 1) throw std::runtime_error{"the client is broken"};
        return say("ok");
    });
    Organisation org{chat};
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "2");
    CHECK(org.column(job, "last_error").find("the client is broken") != std::string::npos);
}

// Turns and what is particular about their providers: parts that must go back unchanged, and being left alone.
#include "agent_fixture.hpp"
#include "clients/chat_factory.hpp"
#include "clients/http_client.hpp"
#include "support/http_server.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const json kThinking{{"type", "thinking"}, {"thinking", "Memories first."}, {"signature", "c2lnbmVk+/=="}};
const json kToolUse{{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "memory_search"}, {"input", {{"query", "tea"}}}};

HttpServer::Script message(json content, const char* reason) {
    const json usage{{"input_tokens", 10},
                     {"cache_read_input_tokens", 200},
                     {"cache_creation_input_tokens", 30},
                     {"output_tokens", 7},
                     {"output_tokens_details", {{"thinking_tokens", 3}}}};
    const json body{{"type", "message"},
                    {"model", "claude-x"},
                    {"content", std::move(content)},
                    {"stop_reason", reason},
                    {"usage", usage}};
    return [text = body.dump()](ServedConnection& connection, const ServedRequest&) {
        connection.respond_json(200, text);
    };
}

}  // namespace

TEST_CASE("agent-turn: signed thinking is kept as it came and goes back unchanged, in this turn and in the next") {
    HttpServer server{message({{{"type", "text"}, {"text", "You like tea."}}}, "end_turn")};
    server.next(message({kThinking, kToolUse}, "tool_use"));
    clients::HttpClientSettings direct;
    direct.proxy = "";
    clients::HttpClient http{direct};
    core::SystemClock clock;
    clients::ChatEndpoint endpoint{.protocol = clients::ChatProtocol::kAnthropic};
    endpoint.provider.base_url = server.url();
    Organisation org{clients::make_chat_model(http, endpoint, clock)};
    auto& db = org.database();
    db.execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million, output_usd_per_million, "
        "cache_read_usd_per_million, cache_write_usd_per_million) VALUES ('test', 'scripted-1', 1, 100, 10000, "
        "100000)");

    REQUIRE(org.finish(org.enqueue_turn("What do I like?")) == "completed");
    const json content = json::array({kThinking, kToolUse});
    CHECK(json::parse(db.value("SELECT parts FROM session_messages WHERE tool_calls IS NOT NULL")) ==
          json{{"protocol", "anthropic"}, {"content", content}});
    REQUIRE(org.finish(org.enqueue_turn("Really?")) == "completed");
    const auto requests = server.requests();
    REQUIRE(requests.size() == 3);
    for (const std::size_t later : {1U, 2U}) {
        const json asked = json::parse(requests[later].body)["messages"];
        CHECK(asked[1] == json{{"role", "assistant"}, {"content", content}});
        CHECK(asked[2]["content"][0]["tool_use_id"] == "toolu_1");
    }
    CHECK(db.value("SELECT string_agg(DISTINCT concat_ws(' ', input_tokens, cache_read_tokens, cache_write_tokens, "
                   "output_tokens, reasoning_tokens), ',') FROM usage_events WHERE purpose = 'chat'") ==
          "10 200 30 7 3");
    CHECK(db.value("SELECT DISTINCT cost_usd::float8 FROM usage_events WHERE purpose = 'chat'") == "5.00071");
}

TEST_CASE("agent-turn: a provider that is left alone costs no attempt, and the turn comes back") {
    auto chat = scripted([](const ChatRequest&, int number) {
        return number <= 4 ? refuse(ModelErrorClass::kUnavailable, "left alone") : say("Hello Ada.");
    });
    Organisation org{chat};
    const auto job = org.enqueue_turn("Hello?", "s1", 1);
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "1");
    CHECK(chat->requests().size() == 5);
    CHECK(org.database().value("SELECT count(*) FROM usage_events WHERE purpose = 'chat'") == "1");
}

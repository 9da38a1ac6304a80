#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using clients::Role;

namespace {

std::string system_prompt(const ChatRequest& request) {
    return request.messages.empty() ? "" : request.messages.front().content;
}

}  // namespace

TEST_CASE("agent-turn: a message becomes an answer, kept once with usage, audit and trajectory") {
    auto chat = scripted([](const ChatRequest&, int) { return say("Hello Ada."); });
    Organisation org{chat};
    auto& db = org.database();
    db.execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million, output_usd_per_million) "
        "VALUES ('test', 'scripted-1', 2, 8)");
    const auto job = org.enqueue_turn("Hello?");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "Hello Ada.");
    CHECK(org.result(job)["runtime"] == "scripted");
    CHECK(db.value("SELECT string_agg(seq || role || ':' || content, '|' ORDER BY seq) FROM session_messages "
                   "WHERE session_id = 's1'") == "1user:Hello?|2assistant:Hello Ada.");
    CHECK(db.value("SELECT string_agg(request_id || ' ' || input_tokens || ' ' || output_tokens, '') FROM usage_events "
                   "WHERE purpose = 'chat'") == job + ":model-1 10 5");
    CHECK(db.value("SELECT cost_usd::float8 FROM usage_events WHERE purpose = 'chat'") == "6e-05");
    CHECK(db.value("SELECT string_agg(action, ',' ORDER BY action) FROM audit_log") == "agent.complete,agent.prompt");
    CHECK(db.value("SELECT outcome || tools::text FROM trajectories") == "success[]");
    CHECK(db.value("SELECT string_agg(delta, '' ORDER BY position) FROM session_stream") == "Hello Ada.");
    CHECK(chat->requests().size() == 1);
    CHECK(chat->requests().front().idempotency_key == job + ":model-1");
}

TEST_CASE("agent-turn: later turns see the conversation so far") {
    auto chat = scripted([](const ChatRequest&, int number) { return say("answer " + std::to_string(number)); });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("first")) == "completed");
    REQUIRE(org.finish(org.enqueue_turn("second")) == "completed");
    const auto messages = chat->requests().at(1).messages;
    REQUIRE(messages.size() == 4);
    CHECK(messages[1].content == "first");
    CHECK(messages[2].content == "answer 1");
    CHECK(messages[2].role == Role::kAssistant);
    CHECK(messages[3].content == "second");
}

TEST_CASE("agent-turn: a tool is called once, and its memory is queued for embedding") {
    auto chat = scripted([](const ChatRequest&, int number) {
        return number == 1 ? use_tool("memory_add", R"({"content": "Ada likes tea.", "kind": "preference"})")
                           : say("Noted.");
    });
    Organisation org{chat};
    auto& db = org.database();
    const auto job = org.enqueue_turn("I like tea.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(db.value("SELECT content || '/' || kind || '/' || visibility || '/' || source_session_id FROM memories") ==
          "Ada likes tea./preference/private/s1");
    CHECK(db.value("SELECT string_agg(role, ',' ORDER BY seq) FROM session_messages") ==
          "user,assistant,tool,assistant");
    CHECK(db.value("SELECT count(*) FROM jobs WHERE kind = 'embed-memories' AND dedupe_key = $1",
                   pqxx::params{"embed-memories:tenant:" + org.tenant()}) == "1");
    CHECK(db.value("SELECT tools -> 0 ->> 'tool' FROM trajectories WHERE job_id = $1", pqxx::params{job}) ==
          "memory_add");
    CHECK(db.value("SELECT target FROM audit_log WHERE action = 'tool.execute'") == "memory_add");
    const auto second = chat->requests().at(1).messages;
    CHECK(second.back().role == Role::kTool);
    CHECK(second.back().tool_call_id == "call-1");
}

TEST_CASE("agent-turn: what is recorded is never done again: a retry goes on where the last attempt failed") {
    auto chat = scripted([](const ChatRequest&, int number) {
        if (number == 1) return use_tool("memory_add", R"({"content": "once"})");
        if (number == 2) return refuse(ModelErrorClass::kRetryable, "429 slow down");
        return say("Done.");
    });
    Organisation org{chat};
    auto& db = org.database();
    const auto job = org.enqueue_turn("remember");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "2");
    CHECK(org.column(job, "attempt_errors -> 0 ->> 'error'") == "the model call failed: 429 slow down");
    CHECK(chat->requests().size() == 3);
    CHECK(db.value("SELECT count(*) FROM memories") == "1");
    CHECK(db.value("SELECT string_agg(role, ',' ORDER BY seq) FROM session_messages") ==
          "user,assistant,tool,assistant");
    CHECK(db.value("SELECT string_agg(split_part(request_id, ':', 2), ',' ORDER BY request_id) FROM usage_events "
                   "WHERE purpose = 'chat'") == "model-1,model-2");
}

TEST_CASE("agent-turn: attempts that go on failing fail the job with the provider's words") {
    auto chat = scripted([](const ChatRequest&, int) { return refuse(ModelErrorClass::kRetryable, "500 oops"); });
    Organisation org{chat};
    const auto job = org.enqueue_turn("hello", "s1", 2);
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error") == "the model call failed: 500 oops");
    CHECK(chat->requests().size() == 2);
}

TEST_CASE("agent-turn: a refusal fails at once with the provider's message") {
    auto chat = scripted([](const ChatRequest&, int) { return refuse(ModelErrorClass::kPermanent, "no such model"); });
    Organisation org{chat};
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error") == "the model refused: no such model");
    CHECK(org.column(job, "failure_reason") == "error");
    CHECK(chat->requests().size() == 1);
}

TEST_CASE("agent-turn: a conversation too long for the model loses its older half and is sent once more") {
    auto chat = scripted([](const ChatRequest&, int number) {
        return number == 5 ? refuse(ModelErrorClass::kContextLength, "too long") : say("ok");
    });
    Organisation org{chat};
    for (int i = 0; i < 4; ++i) REQUIRE(org.finish(org.enqueue_turn("question " + std::to_string(i))) == "completed");
    REQUIRE(org.finish(org.enqueue_turn("last")) == "completed");
    CHECK(chat->requests().at(4).messages.size() == 10);
    const auto again = chat->requests().at(5).messages;
    REQUIRE(again.size() == 6);
    CHECK(again[1].content == "question 2");
    CHECK(again.back().content == "last");
}

TEST_CASE("agent-turn: after the last tool round the model is asked without tools") {
    auto chat = scripted([](const ChatRequest& request, int) {
        return request.tools.empty() ? say("enough") : use_tool("memory_search", R"({"query": "x"})");
    });
    Organisation org{chat, std::make_shared<clients::OfflineEmbedder>(),
                     [](agent::AgentSettings& settings) { settings.max_tool_rounds = 2; }};
    const auto job = org.enqueue_turn("go");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "enough");
    CHECK(org.result(job)["rounds"] == 3);
    CHECK(org.result(job)["toolCalls"] == 2);
}

TEST_CASE("agent-turn: a tool that is not there, or used wrongly, is the model's to mend") {
    auto chat = scripted([](const ChatRequest&, int number) {
        if (number == 1) return use_tool("rm_rf", "{}");
        if (number == 2) return use_tool("memory_add", "not json");
        if (number == 3) return use_tool("memory_add", R"({"content": "x", "visibility": "org"})");
        if (number == 4) {
            return use_tool("memory_add",
                            R"({"content":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}");
        }
        return say("sorry");
    });
    Organisation org{chat};
    auto& db = org.database();
    const auto job = org.enqueue_turn("go");
    REQUIRE(org.finish(job) == "completed");
    const auto said = chat->requests().at(4).messages;
    CHECK(said.at(3).content == R"({"error":"there is no tool \"rm_rf\" here"})");
    CHECK(said.at(5).content == R"({"error":"the arguments are not a JSON object"})");
    CHECK(said.at(7).content.find("allows sharing memories") != std::string::npos);
    CHECK(said.at(9).content == said.at(5).content);
    CHECK(db.value("SELECT target FROM audit_log WHERE action = 'tool.permission_deny'") == "rm_rf");
    CHECK(db.value("SELECT outcome FROM trajectories") == "partial");
    CHECK(db.value("SELECT count(*) FROM memories") == "0");
}

TEST_CASE("agent-turn: plan_tasks answers at once and leaves a plan job behind") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (system_prompt(request).find("decomposition") != std::string::npos) return say(R"([{"description": "a"}])");
        if (request.messages.back().role == Role::kUser && request.messages.back().content == "big task") {
            return use_tool("plan_tasks", R"({"taskDescription": "all of it"})");
        }
        return say("fine");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("big task")) == "completed");
    auto& db = org.database();
    eventually(
        std::chrono::seconds{30}, [&] { return db.value("SELECT status FROM orchestrator_plans") == "completed"; },
        "the plan completes");
    CHECK(db.value("SELECT task_description || '/' || parent_session_id FROM orchestrator_plans") == "all of it/s1");
    CHECK(db.value("SELECT count(*) FROM jobs WHERE kind = 'orchestrator-plan'") == "1");
}

TEST_CASE("agent-turn: memories that belong to the text are in the system prompt, those that do not are not") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat};
    org.add_memory("The quarterly report is due on Friday.");
    org.add_memory("Bananas ripen faster in paper bags.");
    REQUIRE(org.finish(org.enqueue("embed-memories", nlohmann::json::object())) == "completed");
    const auto job = org.enqueue_turn("When is the quarterly report due?");
    REQUIRE(org.finish(job) == "completed");
    const auto prompt = system_prompt(chat->requests().front());
    CHECK(prompt.find("<memory-context>\n- [fact] The quarterly report is due on Friday.\n</memory-context>") !=
          std::string::npos);
    CHECK(org.result(job)["memories"].size() == 1);
}

TEST_CASE("agent-turn: a viewer may not run agents, and nothing is asked or kept") {
    auto chat = scripted([](const ChatRequest&, int) { return say("never"); });
    Organisation org{chat};
    const auto viewer = org.add_user("vera", "viewer");
    org.add_session("s2", viewer);
    const auto job = org.enqueue("agent-turn", {{"userId", viewer}, {"sessionId", "s2"}, {"text", "hi"}});
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error").find("allows running agents") != std::string::npos);
    CHECK(org.column(job, "attempts") == "1");
    CHECK(chat->requests().empty());
    CHECK(org.database().value("SELECT count(*) FROM session_messages") == "0");
}

TEST_CASE("agent-turn: what does not belong together is refused by name") {
    Organisation org{scripted([](const ChatRequest&, int) { return say("never"); })};
    auto& db = org.database();
    const auto other = org.add_user("bob", "member");
    org.add_session("bobs", other);
    org.add_session("old", org.user());
    db.execute("UPDATE sessions_index SET status = 'archived' WHERE session_id = 'old'");
    const auto error = [&](const nlohmann::json& payload) {
        const auto job = org.enqueue("agent-turn", payload);
        CHECK(org.finish(job) == "failed");
        return org.column(job, "failure_reason || ': ' || last_error");
    };
    CHECK(error({{"userId", org.user()}, {"sessionId", "bobs"}, {"text", "x"}}) ==
          "error: the session belongs to another user");
    CHECK(error({{"userId", org.user()}, {"sessionId", "nowhere"}, {"text", "x"}}) ==
          "error: the session does not exist");
    CHECK(error({{"userId", org.user()}, {"sessionId", "old"}, {"text", "x"}}) == "error: the session is not active");
    CHECK(error({{"userId", "00000000-0000-7000-8000-000000000009"}, {"sessionId", "s1"}, {"text", "x"}}) ==
          "error: there is no user 00000000-0000-7000-8000-000000000009");
    CHECK(error({{"userId", org.user()}, {"sessionId", "s1"}}) ==
          "invalid_payload: payload field \"text\" is missing; it must be a string");
    db.execute("UPDATE tenants SET status = 'suspended'");
    CHECK(error({{"userId", org.user()}, {"sessionId", "s1"}, {"text", "x"}}).find("the tenant of user") !=
          std::string::npos);
}

TEST_CASE("agent-turn: a monthly budget that is used up forbids the call") {
    auto chat = scripted([](const ChatRequest&, int) { return say("never"); });
    Organisation org{chat};
    org.database().execute(
        "UPDATE roles SET permissions = jsonb_set(permissions, '{cost,monthly_limit_usd}', '1') "
        "WHERE name = 'member'");
    org.database().execute("INSERT INTO usage_events (request_id, user_id, cost_usd) VALUES ('earlier', $1, 1.5)",
                           pqxx::params{org.user()});
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "failure_reason") == "budget");
    CHECK(chat->requests().empty());
}

TEST_CASE("agent-turn: the limit of a request is checked before each call") {
    auto chat = scripted([](const ChatRequest&, int) {
        auto reply = use_tool("memory_search", R"({"query": "x"})");
        reply->usage->output_tokens = 500;
        return reply;
    });
    Organisation org{chat};
    org.database().execute(
        "UPDATE roles SET permissions = jsonb_set(permissions, '{cost,per_request_limit_usd}', '0.01') "
        "WHERE name = 'member'");
    // 500 output tokens a call at ten dollars a million are half a cent.
    org.database().execute(
        "INSERT INTO model_prices (provider, model, output_usd_per_million) VALUES ('*', 'scripted-1', 10)");
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "failure_reason") == "budget");
    CHECK(chat->requests().size() == 2);
    CHECK(chat->requests().front().max_output_tokens == 1000);
    CHECK(chat->requests().back().max_output_tokens == 500);
    CHECK(org.database().value("SELECT sum(cost_usd)::float8 FROM usage_events WHERE purpose = 'chat'") == "0.01");
}

TEST_CASE("agent-turn: a template is frozen at the first turn; later edits change nothing") {
    auto chat = scripted([](const ChatRequest&, int) { return say("arr"); });
    Organisation org{chat};
    auto& db = org.database();
    db.execute(
        "INSERT INTO agent_templates (slug, name, system_prompt, model_override, tools) VALUES "
        "('pirate', 'Pirate', 'Be a pirate.', '{\"providerID\": \"p\", \"modelID\": \"m-1\"}', '[\"memory_search\"]')");
    db.execute("UPDATE sessions_index SET template_slug = 'pirate' WHERE session_id = 's1'");
    REQUIRE(org.finish(org.enqueue_turn("hello")) == "completed");
    db.execute("UPDATE agent_templates SET system_prompt = 'Be a clerk.', model_override = NULL");
    REQUIRE(org.finish(org.enqueue_turn("again")) == "completed");
    for (const auto& request : chat->requests()) {
        CHECK(system_prompt(request) == "Be a pirate.");
        CHECK(request.model == "m-1");
        REQUIRE(request.tools.size() == 1);
        CHECK(request.tools.front().name == "memory_search");
    }
}

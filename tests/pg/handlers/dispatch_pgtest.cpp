/// @file  The tool dispatch, members that work here, and the synthesis of what they found out.

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using nlohmann::json;

namespace {

const std::string& prompt_of(const ChatRequest& request) { return request.messages.back().content; }
bool is_synthesis(const ChatRequest& request) { return prompt_of(request).starts_with("Synthesize"); }
bool is_member(const ChatRequest& request) {
    return request.messages.front().content.find("one subtask") != std::string::npos;
}

json team(std::vector<std::string> tasks) {
    json arguments{{"mode", "team_single_vm"}, {"rationale", "Two quick looks at once."}, {"tasks", json::array()}};
    for (const auto& task : tasks) arguments["tasks"].push_back({{"task", task}, {"agent", "scout"}});
    return arguments;
}

/// A model that dispatches in its turn, and whose members answer by `member`.
std::shared_ptr<ScriptedChat> dispatcher(json arguments, std::function<ChatReply(const ChatRequest&)> member = {}) {
    return scripted([arguments = std::move(arguments), member = std::move(member)](const ChatRequest& request, int) {
        if (is_synthesis(request)) return say("all together");
        if (is_member(request)) return member ? member(request) : say("found: " + prompt_of(request));
        if (request.messages.back().role == clients::Role::kTool) return say("on its way");
        return use_tool("dispatch", arguments.dump());
    });
}

void wait_for_dispatch(Organisation& org, const std::string& status) {
    org.start();
    eventually(
        std::chrono::seconds{60}, [&] { return org.database().value("SELECT status FROM dispatches") == status; },
        "the dispatch is " + status);
}

std::string member_states(Organisation& org) {
    return org.database().value(
        "SELECT string_agg(concat_ws(' ', member, status, error), ', ' ORDER BY member) FROM dispatch_members");
}

}  // namespace

TEST_CASE("dispatch: a turn answers at once, members work beside it, and the parent session gets one answer") {
    auto chat = dispatcher(team({"look left", "look right"}));
    Organisation org{chat};
    auto& db = org.database();
    const auto turn = org.enqueue_turn("look around");
    REQUIRE(org.finish(turn) == "completed");
    CHECK(org.result(turn).at("text") == "on its way");
    wait_for_dispatch(org, "completed");
    CHECK(
        db.value("SELECT concat_ws('|', mode, rationale, result, error, job_id, parent_session_id, user_id, tenant_id) "
                 "FROM dispatches") ==
        "team_single_vm|Two quick looks at once.|all together|" + turn + "|s1|" + org.user() + "|" + org.tenant());
    CHECK(member_states(org) == "0 completed, 1 completed");
    CHECK(db.value("SELECT string_agg(result, '|' ORDER BY member) FROM dispatch_members") ==
          "found: look left|found: look right");
    CHECK(db.value("SELECT string_agg(kind || count, ',' ORDER BY kind) FROM (SELECT kind, count(*) FROM jobs GROUP BY "
                   "kind) k") == "agent-turn1,dispatch-execute2,dispatch-synthesize1");
    CHECK(db.value("SELECT serial_key FROM jobs WHERE kind = 'dispatch-synthesize'") == "session:s1");
    CHECK(db.value("SELECT content FROM session_messages WHERE session_id = 's1' ORDER BY seq DESC LIMIT 1") ==
          "all together");
    CHECK(db.value("SELECT count(*) FROM sessions_index WHERE purpose = 'dispatch' AND parent_session_id = 's1'") ==
          "2");
    CHECK(db.value("SELECT string_agg(purpose || count, ',' ORDER BY purpose) FROM (SELECT purpose, count(*) FROM "
                   "usage_events WHERE purpose <> 'embedding' GROUP BY purpose) p") == "chat2,dispatch2,synthesize1");
    CHECK(db.value("SELECT count(*) FROM audit_log WHERE action = 'tool.execute' AND target LIKE '%dispatch%'") == "1");
    for (const auto& request : chat->requests()) {
        if (!is_member(request)) continue;
        // Work that hands itself on has no end.
        for (const auto& tool : request.tools) CHECK((tool.name != "dispatch" && tool.name != "plan_tasks"));
    }
}

TEST_CASE("dispatch: a member that fails is named in the synthesis, the others' work is not lost") {
    auto chat = dispatcher(team({"look left", "look right"}), [](const ChatRequest& request) {
        return prompt_of(request) == "look left" ? refuse(ModelErrorClass::kPermanent, "no access") : say("a tree");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("look around")) == "completed");
    wait_for_dispatch(org, "completed");
    CHECK(member_states(org) == "0 failed the model refused: no access, 1 completed");
    CHECK(org.database().value("SELECT error FROM dispatches") == "member 0: the model refused: no access");
    const auto requests = chat->requests();
    const auto synthesis = std::ranges::find_if(requests, is_synthesis);
    REQUIRE(synthesis != requests.end());
    CHECK(prompt_of(*synthesis).find("Subtask 1: look right\nResult:\na tree") != std::string::npos);
    CHECK(prompt_of(*synthesis)
              .find("Missing, say so in the answer:\n\nSubtask 0: look left\nFailed: the model "
                    "refused: no access") != std::string::npos);
    CHECK(org.database().value("SELECT result -> 'failedMembers' -> 0 ->> 'error' FROM jobs WHERE kind = "
                               "'dispatch-synthesize'") == "the model refused: no access");
}

TEST_CASE("dispatch: with every member failed the dispatch fails with all reasons, and nothing is synthesized") {
    Organisation org{dispatcher(team({"a", "b"}), [](const ChatRequest& request) {
        return refuse(ModelErrorClass::kPermanent, "not " + prompt_of(request));
    })};
    REQUIRE(org.finish(org.enqueue_turn("look around")) == "completed");
    wait_for_dispatch(org, "failed");
    CHECK(org.database().value("SELECT error FROM dispatches") ==
          "member 0: the model refused: not a\nmember 1: the model refused: not b");
    CHECK(org.database().value("SELECT count(*) FROM jobs WHERE kind = 'dispatch-synthesize'") == "0");
}

TEST_CASE("dispatch: a synthesis that fails for good fails the dispatch") {
    Organisation org{scripted([](const ChatRequest& request, int) {
        if (is_synthesis(request)) return refuse(ModelErrorClass::kPermanent, "too big");
        if (is_member(request)) return say("found");
        return request.messages.back().role == clients::Role::kTool
                   ? say("on its way")
                   : use_tool("dispatch", R"({"mode":"local","rationale":"quick","tasks":["look"]})");
    })};
    REQUIRE(org.finish(org.enqueue_turn("look around")) == "completed");
    wait_for_dispatch(org, "failed");
    CHECK(org.database().value("SELECT error FROM dispatches") == "the model refused: too big");
}

TEST_CASE("dispatch: wrong arguments are told to the model and leave nothing behind") {
    const std::pair<const char*, const char*> wrong[] = {
        {R"({"rationale":"r","tasks":["a"]})", "\"mode\" must be a string"},
        {R"({"mode":"cloud","rationale":"r","tasks":["a"]})", "\"mode\" must be one of local"},
        {R"({"mode":"local","tasks":["a"]})", "\"rationale\" must be a string"},
        {R"({"mode":"local","rationale":"r"})", "at least one task"},
        {R"({"mode":"local","rationale":"r","tasks":[]})", "at least one task"},
        {R"({"mode":"local","rationale":"r","tasks":["a","b"]})", "mode local takes one task"},
        {R"({"mode":"team_single_vm","rationale":"r","tasks":[7]})", "must be a text, or an object"},
        {R"({"mode":"team_single_vm","rationale":"r","tasks":[{"agent":"x"}]})", "\"task\" must be a string"},
        {R"({"mode":"team_single_vm","rationale":"r","tasks":["1","2","3","4","5","6","7","8","9","10","11"]})",
         "at most 10"}};
    std::size_t next = 0;
    auto chat = scripted([&](const ChatRequest&, int) {
        return next < std::size(wrong) ? use_tool("dispatch", wrong[next++].first) : say("I give up");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("look around")) == "completed");
    const auto last = chat->requests().back().messages;
    std::vector<std::string> told;
    for (const auto& message : last) {
        if (message.role == clients::Role::kTool) told.push_back(json::parse(message.content).at("error"));
    }
    REQUIRE(told.size() == std::size(wrong));
    for (std::size_t i = 0; i < told.size(); ++i) {
        INFO(told[i]);
        CHECK(told[i].find(wrong[i].second) != std::string::npos);
    }
    CHECK(org.database().value("SELECT count(*) FROM dispatches") == "0");
}

TEST_CASE("dispatch: modes that need a pool fail with a sentence where none is configured") {
    auto chat = dispatcher({{"mode", "remote"}, {"rationale", "needs a clean machine"}, {"members", {"build it"}}});
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("build")) == "completed");
    wait_for_dispatch(org, "failed");
    CHECK(org.database().value("SELECT error FROM dispatches") ==
          "member 0: mode remote needs a pool of sandboxes, and dispatch_pool_url names none");
    // Nor are they offered.
    const auto tools = chat->requests().front().tools;
    const auto offered = std::ranges::find(tools, std::string{"dispatch"}, &clients::ToolDefinition::name);
    REQUIRE(offered != tools.end());
    CHECK(offered->parameters.find("remote") == std::string::npos);
}

TEST_CASE("dispatch: cancelling one cancels its jobs, also those that run") {
    // Members never end by themselves.
    auto chat =
        std::make_shared<ScriptedChat>([](const ChatRequest& request, int) -> boost::asio::awaitable<ChatReply> {
            if (is_member(request)) {
                boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, std::chrono::hours{1}};
                co_await forever.async_wait(boost::asio::use_awaitable);
            }
            if (request.messages.back().role == clients::Role::kTool) co_return say("on its way");
            co_return use_tool("dispatch", R"({"mode":"team_single_vm","rationale":"r","tasks":["a","b"]})");
        });
    Organisation org{chat};
    auto& db = org.database();
    REQUIRE(org.finish(org.enqueue_turn("look around")) == "completed");
    eventually(
        std::chrono::seconds{30},
        [&] { return db.value("SELECT count(*) FROM dispatch_members WHERE status = 'running'") == "2"; },
        "both members run");
    CHECK(db.value("SELECT cancel_dispatch(id) FROM dispatches") == "t");
    eventually(
        std::chrono::seconds{60},
        [&] {
            return db.value(
                       "SELECT count(*) FROM jobs WHERE kind = 'dispatch-execute' AND failure_reason = "
                       "'cancelled'") == "2";
        },
        "both jobs are cancelled");
    CHECK(member_states(org) == "0 failed the dispatch was cancelled, 1 failed the dispatch was cancelled");
    CHECK(db.value("SELECT status || ': ' || error FROM dispatches") == "failed: the dispatch was cancelled");
    CHECK(db.value("SELECT cancel_dispatch(id) FROM dispatches") == "f");
}

TEST_CASE("dispatch: wrong payloads are refused by name") {
    Organisation org{scripted([](const ChatRequest&, int) { return say("never"); })};
    const auto error = [&](const std::string& kind, const json& payload) {
        const auto job = org.enqueue(kind, payload);
        CHECK(org.finish(job) == "failed");
        return org.column(job, "failure_reason || ': ' || last_error");
    };
    CHECK(error("dispatch-execute", {{"dispatchId", "x"}, {"member", 0}}) ==
          "invalid_payload: payload field \"dispatchId\" must be a UUID");
    const auto nobody = "00000000-0000-7000-8000-000000000009";
    CHECK(error("dispatch-execute", {{"dispatchId", nobody}, {"member", -1}}).starts_with("invalid_payload"));
    CHECK(error("dispatch-execute", {{"dispatchId", nobody}, {"member", 0}}) ==
          std::string{"error: there is no dispatch "} + nobody);
    CHECK(error("dispatch-synthesize", {{"dispatchId", nobody}}) ==
          std::string{"error: there is no dispatch "} + nobody);
}

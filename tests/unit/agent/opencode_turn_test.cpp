// The pure parts of the opencode runtime: names, what messages tell of a turn, its harvest, and its words.
#include <catch2/catch_test_macros.hpp>

#include "agent/opencode_harvest.hpp"
#include "agent/opencode_place.hpp"
#include "agent/opencode_session.hpp"
#include "agent/opencode_text.hpp"

using namespace oiab;
using namespace oiab::agent;
using clients::OpencodeMessage;
using clients::OpencodePart;
using clients::OpencodePartKind;
using clients::OpencodeToolStatus;

namespace {

const core::JobId kJob = *core::JobId::parse("01a2b3c4-0000-7000-8000-000000000001");
const std::string kPrompt = opencode_message_id(kJob);

OpencodePart text_part(std::string text, bool synthetic = false) {
    OpencodePart part;
    part.id = "prt_" + text;
    part.kind = OpencodePartKind::kText;
    part.text = std::move(text);
    part.ended = true;
    part.synthetic = synthetic;
    return part;
}

OpencodePart tool_part(std::string tool, OpencodeToolStatus status, std::string output = "") {
    OpencodePart part;
    part.id = "prt_" + tool;
    part.kind = OpencodePartKind::kTool;
    part.tool = std::move(tool);
    part.call_id = "call_1";
    part.status = status;
    part.output = std::move(output);
    return part;
}

OpencodeMessage user(std::string id, std::vector<OpencodePart> parts) {
    OpencodeMessage message;
    message.id = std::move(id);
    message.role = "user";
    message.parts = std::move(parts);
    return message;
}

OpencodeMessage assistant(std::string id, const std::string& parent, std::string finish,
                          std::vector<OpencodePart> parts) {
    OpencodeMessage message;
    message.id = std::move(id);
    message.role = "assistant";
    message.parent_id = parent;
    message.completed = !finish.empty();
    message.finish = std::move(finish);
    message.parts = std::move(parts);
    message.provider = "loopback";
    message.model = "scripted";
    if (message.completed) message.tokens.input = 100;
    return message;
}

OpencodeView view(const std::vector<OpencodeMessage>& messages) { return view_opencode_turn(messages, kPrompt); }

}  // namespace

TEST_CASE("opencode place: names come from ours and stay the same") {
    store::SessionRow session;
    session.session_id = "7b0f4c1e-0000-4000-8000-000000000001";
    const auto id = opencode_session_id(session);
    CHECK(id.starts_with("ses_"));
    CHECK(id == opencode_session_id(session));
    session.session_id = "ses_ours";
    CHECK(opencode_session_id(session) == "ses_ours");
    session.session_id = "ses_/../../other";
    CHECK(opencode_session_id(session).find('/') == std::string::npos);
    session.runtime_session_id = "ses_noted";
    CHECK(opencode_session_id(session) == "ses_noted");
    CHECK(kPrompt == "msg_01a2b3c4000070008000000000000001");
    CHECK(opencode_part_id(kJob) == "prt_01a2b3c4000070008000000000000001");
}

TEST_CASE("opencode place: a directory for each tenant") {
    Person person;
    CHECK(fill_directory("/w/{tenant}", person) == "/w/operator");
    person.tenant_id = core::TenantId::parse("0de30000-0000-7000-8000-00000000000a");
    CHECK(fill_directory("/w/{tenant}/{tenant}", person) ==
          "/w/0de30000-0000-7000-8000-00000000000a/0de30000-0000-7000-8000-00000000000a");
}

TEST_CASE("opencode view: absent, unfinished, answered, failed") {
    CHECK(view({}).state == OpencodeState::kAbsent);
    CHECK(view({user("msg_other", {text_part("?")}), assistant("a", "msg_other", "stop", {})}).state ==
          OpencodeState::kAbsent);
    std::vector<OpencodeMessage> messages{user(kPrompt, {text_part("?")})};
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    messages.push_back(
        assistant("a1", kPrompt, "tool-calls", {tool_part("bash", OpencodeToolStatus::kCompleted, "ok")}));
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    CHECK(view(messages).running_tools.empty());
    messages.push_back(assistant("a2", kPrompt, "", {}));
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    messages.push_back(assistant("a3", kPrompt, "stop", {text_part("Yes.")}));
    CHECK(view(messages).state == OpencodeState::kAnswered);
    CHECK(view(messages).answers.size() == 3);
    CHECK(view(messages).is_alone);
    messages.back().error = clients::OpencodeError{"APIError", "no", false, 401};
    CHECK(view(messages).state == OpencodeState::kFailed);
}

TEST_CASE("opencode view: a summary is no answer, and what opencode asks itself behind it belongs to the turn") {
    std::vector<OpencodeMessage> messages{user(kPrompt, {text_part("Do it.")})};
    messages.push_back(
        assistant("a1", kPrompt, "tool-calls", {tool_part("bash", OpencodeToolStatus::kCompleted, "ok")}));
    OpencodePart compaction;
    compaction.kind = OpencodePartKind::kCompaction;
    messages.push_back(user("u2", {compaction}));
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    messages.push_back(assistant("a2", "u2", "stop", {text_part("What was said so far.")}));
    messages.back().summary = true;
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    CHECK_FALSE(view(messages).may_be_answered);
    SECTION("the same words again") { messages.push_back(user("u3", {text_part("Do it.")})); }
    SECTION("words of its own") { messages.push_back(user("u3", {text_part("Continue.", true)})); }
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    CHECK(view(messages).is_last);
    messages.push_back(assistant("a3", "u3", "stop", {text_part("Done.")}));
    REQUIRE(view(messages).state == OpencodeState::kAnswered);
    CHECK(view(messages).is_alone);

    const auto harvest = harvest_opencode_turn(view(messages), 0, kJob);
    CHECK(harvest.result.text == "Done.");
    CHECK(harvest.result.rounds == 3);
    for (const auto& kept : harvest.result.messages) CHECK(kept.content != "What was said so far.");
    CHECK(list_opencode_calls(view(messages).answers, kJob.to_string(), LostCalls::kEstimate).size() == 3);
    OpencodeText text;
    CHECK(text.take_view(view(messages)) == "Done.");
}

TEST_CASE("opencode view: an answer to an earlier prompt of the turn is not the turn's, nor are other people's words") {
    std::vector<OpencodeMessage> messages{user(kPrompt, {text_part("Do it.")}),
                                          assistant("a1", kPrompt, "stop", {text_part("Done?")})};
    CHECK(view(messages).state == OpencodeState::kAnswered);
    CHECK(view(messages).is_last);
    // The same words, but not behind a summary: somebody else's.
    auto others = messages;
    others.push_back(user("u2", {text_part("Do it.")}));
    CHECK(view(others).state == OpencodeState::kAnswered);
    CHECK_FALSE(view(others).is_last);
    messages.push_back(user("u2", {text_part("Continue.", true)}));
    CHECK(view(messages).state == OpencodeState::kUnfinished);
}

TEST_CASE("opencode harvest: a call that was aborted cost something nobody was told") {
    auto aborted = assistant("a1", kPrompt, "stop", {});
    aborted.tokens = {};
    aborted.error = clients::OpencodeError{"MessageAbortedError", "", false, 0};
    auto refused = aborted;
    refused.id = "a2";
    refused.error->name = "APIError";
    const auto calls = list_opencode_calls({aborted, refused}, kJob.to_string(), LostCalls::kEstimate);
    REQUIRE(calls.size() == 2);
    CHECK(calls[0].uncertain);
    CHECK_FALSE(calls[1].uncertain);
}

TEST_CASE("opencode place: what the operator named ends where a placeholder begins") {
    CHECK(split_directory("/w/{tenant}/x").root == "/w");
    CHECK(split_directory("/w/{tenant}/x").below == "{tenant}/x");
    CHECK(split_directory("/w/of-{tenant}").below == "of-{tenant}");
    CHECK(split_directory("/{tenant}").root == "/");
    CHECK(split_directory("/w/x").root == "/w/x");
    CHECK(split_directory("/w/x").below.empty());
}

TEST_CASE("opencode view: a tool that runs is an effect nobody knows, one that waits is none") {
    std::vector<OpencodeMessage> messages{user(kPrompt, {text_part("?")})};
    messages.push_back(
        assistant("a1", kPrompt, "",
                  {tool_part("bash", OpencodeToolStatus::kRunning), tool_part("write", OpencodeToolStatus::kPending)}));
    CHECK(view(messages).running_tools == std::vector<std::string>{"bash"});
}

TEST_CASE("opencode view: some providers end a message with tool calls by stop; it is no answer") {
    const std::vector<OpencodeMessage> messages{
        user(kPrompt, {text_part("?")}),
        assistant("a1", kPrompt, "stop", {tool_part("bash", OpencodeToolStatus::kCompleted)})};
    CHECK(view(messages).state == OpencodeState::kUnfinished);
    CHECK(view(messages).may_be_answered);
}

TEST_CASE("opencode view: what opencode writes to itself belongs to the turn, what others write does not") {
    std::vector<OpencodeMessage> messages{
        user("msg_before", {text_part("earlier")}),
        assistant("a0", "msg_before", "stop", {text_part("Earlier.")}),
        user(kPrompt, {text_part("?")}),
        assistant("a1", kPrompt, "tool-calls", {tool_part("bash", OpencodeToolStatus::kCompleted)}),
        user("msg_own", {text_part("go on", true)}),
        assistant("a2", "msg_own", "stop", {text_part("Yes.")}),
    };
    CHECK(view(messages).answers.size() == 2);
    CHECK(view(messages).state == OpencodeState::kAnswered);
    CHECK_FALSE(view(messages).is_alone);
    messages.push_back(user("msg_after", {text_part("and?")}));
    messages.push_back(assistant("a3", "msg_after", "", {}));
    CHECK(view(messages).answers.size() == 2);
    CHECK(view(messages).state == OpencodeState::kAnswered);
}

TEST_CASE("opencode harvest: messages, tools and failures as the direct runtime keeps them") {
    auto write = tool_part("write", OpencodeToolStatus::kError, "denied");
    const auto harvest = harvest_opencode_turn(
        view({user(kPrompt, {text_part("?")}),
              assistant("a1", kPrompt, "tool-calls",
                        {text_part("I try."), write, tool_part("invalid", OpencodeToolStatus::kCompleted, "none")}),
              assistant("a2", kPrompt, "", {}), assistant("a3", kPrompt, "stop", {text_part("Done.")})}),
        1, kJob);
    const auto& result = harvest.result;
    CHECK(result.text == "Done.");
    CHECK(result.rounds == 4);
    CHECK(result.failed_uses == 2);
    REQUIRE(result.messages.size() == 4);
    CHECK(result.messages[0].role == "assistant");
    CHECK(result.messages[0].tool_calls);
    CHECK(result.messages[1].role == "tool");
    CHECK(result.messages[1].content == "denied");
    CHECK(result.messages[3].content == "Done.");
    REQUIRE(result.uses.size() == 2);
    CHECK(result.uses[0].tool == "write");
    CHECK(result.uses[0].output_hash == sha256_hex("denied"));
    CHECK(harvest.tools.size() == 2);
}

TEST_CASE("opencode harvest: an answer without a word says so") {
    const auto harvest =
        harvest_opencode_turn(view({user(kPrompt, {}), assistant("a1", kPrompt, "stop", {})}), 0, kJob);
    CHECK_FALSE(harvest.result.text.empty());
    CHECK(harvest.result.messages.size() == 1);
}

TEST_CASE("opencode harvest: each call is charged under a name of its own, one that broke off as an estimate") {
    const std::vector<OpencodeMessage> messages{assistant("a1", kPrompt, "tool-calls", {}),
                                                assistant("a2", kPrompt, "", {}), assistant("a3", kPrompt, "stop", {})};
    CHECK(list_opencode_calls(messages, kJob.to_string(), LostCalls::kLeaveOut).size() == 2);
    const auto calls = list_opencode_calls(messages, kJob.to_string(), LostCalls::kEstimate);
    REQUIRE(calls.size() == 3);
    CHECK(calls[0].request_id == kJob.to_string() + ":a1");
    CHECK_FALSE(calls[0].uncertain);
    CHECK(calls[1].uncertain);
    CHECK(calls[1].tokens.input == 100);
}

TEST_CASE("opencode text: words once each, from deltas, from parts, or both") {
    OpencodeText text;
    auto part = text_part("");
    part.id = "p1";
    part.ended = false;
    CHECK(text.take_part(part).empty());
    CHECK(text.take_delta("p1", "Hel") == "Hel");
    CHECK(text.take_delta("p2", "unseen").empty());
    part.text = "Hello";
    part.ended = true;
    CHECK(text.take_part(part) == "lo");
    CHECK(text.take_part(part).empty());
    auto whole = text_part("World");
    const auto seen = view({user(kPrompt, {}), assistant("a1", kPrompt, "stop", {part, whole})});
    CHECK(text.take_view(seen) == "World");
    CHECK(text.take_view(seen).empty());
}

TEST_CASE("opencode text: after a gap a part comes when it is complete") {
    OpencodeText text;
    auto part = text_part("");
    part.id = "p1";
    part.ended = false;
    CHECK(text.take_part(part).empty());
    CHECK(text.take_delta("p1", "Hel") == "Hel");
    text.forget_open_parts();
    CHECK(text.take_delta("p1", "o").empty());
    part.text = "Hello";
    part.ended = true;
    CHECK(text.take_part(part) == "lo");
}

TEST_CASE("opencode models: named with and without a provider, and refused with what there is") {
    clients::OpencodeModels models;
    models.known = {{"loopback", "scripted"}, {"router", "some/model"}};
    const auto resolved = [&](const ModelChoice& wanted) {
        const auto found = resolve_opencode_model(wanted, models);
        return found.provider + " " + found.model;
    };
    CHECK(resolved({"loopback", "scripted"}) == "loopback scripted");
    CHECK(resolved({"", "scripted"}) == "loopback scripted");
    CHECK(resolved({"", "loopback/scripted"}) == "loopback scripted");
    CHECK(resolved({"", "some/model"}) == "router some/model");
    CHECK_THROWS_AS(resolved({"other", "scripted"}), EndAttempt);
    CHECK_THROWS_AS(resolved({"", "none"}), EndAttempt);
}

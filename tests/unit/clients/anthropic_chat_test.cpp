/// @file  Anthropic's messages: what is sent, and what becomes of the answer.

#include <catch2/catch_test_macros.hpp>

#include "scripted_anthropic.hpp"

using namespace oiab::tests;

namespace {

ChatMessage message_of(Role role, std::string content) {
    ChatMessage message;
    message.role = role;
    message.content = std::move(content);
    return message;
}

ChatMessage tool_answer(std::string id, std::string content) {
    ChatMessage message = message_of(Role::kTool, std::move(content));
    message.tool_call_id = std::move(id);
    return message;
}

}  // namespace

TEST_CASE("anthropic: the request has its headers, the system prompt apart, and a limit") {
    Anthropic model{saying("Hello")};
    REQUIRE(model.ask());
    CHECK(model.seen().method == "POST");
    CHECK(model.seen().target == "/v1/messages");
    CHECK(model.seen().header("x-api-key") == "sk-very-secret");
    CHECK(model.seen().header("anthropic-version") == "2023-06-01");
    CHECK(model.seen().header("authorization").empty());
    CHECK(model.body() == json::parse(R"({"model":"gpt-4o-mini","max_tokens":8192,"stream":true,
        "system":[{"type":"text","text":"Be brief."}],
        "messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})"));

    model.endpoint.max_output_tokens = 100;
    auto request = Provider::question("Hi");
    request.temperature = 1.7;
    REQUIRE(model.ask(request));
    CHECK(model.body()["max_tokens"] == 100);
    CHECK(model.body()["temperature"] == 1.0);
    request.max_output_tokens = 5;
    REQUIRE(model.ask(request));
    CHECK(model.body()["max_tokens"] == 5);
    request.max_output_tokens = 1'000'000;
    REQUIRE(model.ask(request));
    CHECK(model.body()["max_tokens"] == 100);
}

TEST_CASE("anthropic: gateways with a path of their own and bearer tokens are addressed as they are named") {
    Anthropic model{saying("Hello")};
    model.endpoint.provider.base_url = model.provider.server.url("/gateway/v1/");
    model.endpoint.provider.auth = ProviderAuth::kBearer;
    REQUIRE(model.ask());
    CHECK(model.seen().target == "/gateway/v1/messages");
    CHECK(model.seen().header("authorization") == "Bearer sk-very-secret");
    CHECK(model.seen().header("x-api-key").empty());
}

TEST_CASE("anthropic: text arrives in pieces, with the model's name, the reason and the usage") {
    Anthropic model{
        sending({message_start({{"input_tokens", 10},
                                {"cache_read_input_tokens", 200},
                                {"cache_creation_input_tokens", 30},
                                {"output_tokens", 1}}),
                 event({{"type", "ping"}}), block_start(0, kTextBlock), text_delta(0, "Hel"), text_delta(0, "lo"),
                 block_stop(0), event({{"type", "from_the_future"}, {"index", "x"}}),
                 message_delta("end_turn", {{"output_tokens", 7}, {"output_tokens_details", {{"thinking_tokens", 3}}}}),
                 message_stop()})};
    const auto answer = model.ask();
    REQUIRE(answer);
    CHECK(model.deltas == "[Hel][lo]");
    CHECK(answer->content == "Hello");
    CHECK(answer->model == "claude-x");
    CHECK(answer->finish_reason == "stop");
    REQUIRE(answer->usage);
    CHECK(answer->usage->input_tokens == 240);
    CHECK(answer->usage->cached_input_tokens == 200);
    CHECK(answer->usage->cache_write_tokens == 30);
    CHECK(answer->usage->output_tokens == 7);
    CHECK(answer->usage->reasoning_tokens == 3);
}

TEST_CASE("anthropic: reasons for stopping are told in the common words") {
    for (const auto& [theirs, ours] : std::vector<std::pair<const char*, std::string>>{{"end_turn", "stop"},
                                                                                       {"stop_sequence", "stop"},
                                                                                       {"max_tokens", "length"},
                                                                                       {"tool_use", "tool_calls"},
                                                                                       {"refusal", "content_filter"},
                                                                                       {"pause_turn", "pause_turn"}}) {
        Anthropic model{sending({message_start(), message_delta(theirs), message_stop()})};
        CHECK(model.ask()->finish_reason == ours);
    }
}

TEST_CASE("anthropic: tools are offered and their uses put together from pieces") {
    Anthropic model{
        sending({message_start(), block_start(0, kTextBlock), text_delta(0, "Let me look."), block_stop(0),
                 block_start(1, {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "look"}, {"input", json::object()}}),
                 block_delta(1, {{"type", "input_json_delta"}, {"partial_json", ""}}),
                 block_delta(1, {{"type", "input_json_delta"}, {"partial_json", "{\"where\": \"he"}}),
                 block_delta(1, {{"type", "input_json_delta"}, {"partial_json", "re\"}"}}), block_stop(1),
                 block_start(2, {{"type", "tool_use"}, {"id", "toolu_2"}, {"name", "wait"}, {"input", json::object()}}),
                 block_stop(2), message_delta("tool_use"), message_stop()})};
    auto request = Provider::question("Where?");
    request.tools = {{"look", "Looks.", R"({"type":"object","properties":{"where":{"type":"string"}}})"},
                     {"wait", "Waits.", "garbage"}};
    const auto answer = model.ask(request);
    REQUIRE(answer);
    CHECK(answer->finish_reason == "tool_calls");
    REQUIRE(answer->tool_calls.size() == 2);
    CHECK(answer->tool_calls[0].id == "toolu_1");
    CHECK(answer->tool_calls[0].name == "look");
    CHECK(answer->tool_calls[0].arguments == R"({"where": "here"})");
    CHECK(answer->tool_calls[1].arguments == "{}");
    CHECK(model.body()["tools"] == json::parse(R"([
        {"name":"look","description":"Looks.","input_schema":{"type":"object","properties":{"where":{"type":"string"}}}},
        {"name":"wait","description":"Waits.","input_schema":{"type":"object"}}])"));
    // Every round of a loop sends all of this again: the provider is asked to keep it.
    CHECK(model.body()["system"][0]["cache_control"]["type"] == "ephemeral");
    CHECK(model.body()["messages"][0]["content"][0]["cache_control"]["type"] == "ephemeral");
}

TEST_CASE("anthropic: signed thinking goes back unchanged, with the tools' answers before the user's words") {
    const json thinking{{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
    const json redacted{{"type", "redacted_thinking"}, {"data", "b64=="}};
    Anthropic model{sending(
        {message_start(), block_start(0, thinking), block_delta(0, {{"type", "thinking_delta"}, {"thinking", "Hm, "}}),
         block_delta(0, {{"type", "thinking_delta"}, {"thinking", "so."}}),
         block_delta(0, {{"type", "signature_delta"}, {"signature", "c2lnbmVk"}}), block_stop(0),
         block_start(1, redacted), block_stop(1), block_start(2, kTextBlock), block_stop(2),
         block_start(3, {{"type", "tool_use"}, {"id", "toolu_1"}, {"name", "look"}, {"input", json::object()}}),
         block_delta(3, {{"type", "input_json_delta"}, {"partial_json", R"({"b":1,"a":[2.50]})"}}), block_stop(3),
         message_delta("tool_use"), message_stop()})};
    auto request = Provider::question("Where?");
    auto answer = model.ask(request);
    REQUIRE(answer);
    CHECK(answer->content.empty());
    CHECK(model.deltas.empty());
    REQUIRE(answer->parts);
    CHECK(answer->parts->protocol == "anthropic");
    const json sent = json::parse(R"([{"type":"thinking","thinking":"Hm, so.","signature":"c2lnbmVk"},
        {"type":"redacted_thinking","data":"b64=="},
        {"type":"tool_use","id":"toolu_1","name":"look","input":{"b":1,"a":[2.50]}}])");
    CHECK(json::parse(answer->parts->content) == sent);

    ChatMessage said = message_of(Role::kAssistant, answer->content);
    said.tool_calls = answer->tool_calls;
    said.parts = answer->parts;
    request.messages.push_back(said);
    request.messages.push_back(tool_answer("toolu_1", "there"));
    request.messages.push_back(tool_answer("toolu_2", ""));
    request.messages.push_back(message_of(Role::kUser, "And?"));
    REQUIRE(model.ask(request));
    CHECK(model.body()["messages"][1] == json{{"role", "assistant"}, {"content", sent}});
    CHECK(model.body()["messages"][2] == json::parse(R"({"role":"user","content":[
        {"type":"tool_result","tool_use_id":"toolu_1","content":"there"},
        {"type":"tool_result","tool_use_id":"toolu_2"},{"type":"text","text":"And?"}]})"));
}

TEST_CASE("anthropic: other providers' messages are told in this one's words, their parts are not") {
    Anthropic model{saying("Hello")};
    auto request = Provider::question("first");
    request.messages.insert(request.messages.begin() + 1, message_of(Role::kAssistant, "cut off"));
    ChatMessage foreign = message_of(Role::kAssistant, "Looking.");
    foreign.tool_calls = {{"functions.look:0", "look", "not json"}, {"call|1", "look", R"({"a":1})"}};
    foreign.parts = ProviderParts{"gopher", R"([{"type":"text","text":"secret signature"}])"};
    request.messages.push_back(foreign);
    request.messages.push_back(tool_answer("functions.look:0", "x"));
    request.messages.push_back(message_of(Role::kUser, "  \n"));
    ChatMessage damaged = message_of(Role::kAssistant, "plain");
    damaged.parts = ProviderParts{"anthropic", R"([{"type":"text"},7])"};
    request.messages.push_back(damaged);
    request.messages.push_back(message_of(Role::kSystem, "And kind."));
    request.messages.push_back(message_of(Role::kUser, "last"));
    REQUIRE(model.ask(request));
    CHECK(model.body()["system"][0]["text"] == "Be brief.\n\nAnd kind.");
    CHECK(model.body()["messages"] == json::parse(R"j([
        {"role":"user","content":[{"type":"text","text":"(What was said before is no longer known.)"
}]
},
        {"role":"assistant","content":[{"type":"text","text":"cut off"}]},
        {"role":"user","content":[{"type":"text","text":"first"}]},
        {"role":"assistant","content":[{"type":"text","text":"Looking."},
            {"type":"tool_use","id":"functions_look_0","name":"look","input":{}},
            {"type":"tool_use","id":"call_1","name":"look","input":{"a":1}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"functions_look_0","content":"x"}]},
        {"role":"assistant","content":[{"type":"text","text":"plain"}]},
        {"role":"user","content":[{"type":"text","text":"last"}]}])j"));
}

TEST_CASE("anthropic: the parts of this protocol are not shown to another one") {
    Provider provider{answering(200, kWhole)};
    auto request = Provider::question("Hi");
    ChatMessage said = message_of(Role::kAssistant, "Hello");
    said.parts = ProviderParts{"anthropic", R"([{"type":"thinking","thinking":"x","signature":"y"}])"};
    request.messages.insert(request.messages.begin() + 1, said);
    REQUIRE(provider.ask(request));
    CHECK(provider.body()["messages"][1] == json{{"role", "assistant"}, {"content", "Hello"}});
}

TEST_CASE("anthropic: a server that does not stream is understood") {
    Anthropic model{answering(200, R"({"type":"message","model":"claude-x","stop_reason":"tool_use","content":[
        {"type":"text","text":"Hello"},{"type":"tool_use","id":"t1","name":"look","input":{"a":1}}],
        "usage":{"input_tokens":5,"output_tokens":2}})")};
    const auto answer = model.ask();
    REQUIRE(answer);
    CHECK(answer->content == "Hello");
    CHECK(model.deltas == "[Hello]");
    CHECK(answer->tool_calls.at(0).arguments == R"({"a":1})");
    CHECK(answer->finish_reason == "tool_calls");
    CHECK(answer->usage->input_tokens == 5);
}

TEST_CASE("anthropic: citations and unknown blocks are kept, unknown changes of a block are not guessed at") {
    const json cited{{"type", "char_location"}, {"cited_text", "x"}};
    Anthropic model{sending({message_start(), block_start(0, kTextBlock), text_delta(0, "Hello"),
                             block_delta(0, {{"type", "citations_delta"}, {"citation", cited}}), block_stop(0),
                             block_start(1, {{"type", "web_result"}, {"rows", {1, 2}}}), block_stop(1),
                             message_delta("end_turn"), message_stop()})};
    auto answer = model.ask();
    REQUIRE(answer);
    CHECK(json::parse(answer->parts.value().content) ==
          json::array({{{"type", "text"}, {"text", "Hello"}, {"citations", {cited}}},
                       {{"type", "web_result"}, {"rows", {1, 2}}}}));
    model.provider.server.set_script(
        sending({message_start(), block_start(0, kTextBlock), text_delta(0, "Hello"),
                 block_delta(0, {{"type", "from_the_future"}}), message_delta("end_turn"), message_stop()}));
    answer = model.ask();
    REQUIRE(answer);
    CHECK(answer->content == "Hello");
    CHECK_FALSE(answer->parts);
}

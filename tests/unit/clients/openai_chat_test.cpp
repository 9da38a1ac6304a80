#include <catch2/catch_test_macros.hpp>

#include "scripted_provider.hpp"
#include "support/eventually.hpp"

using namespace oiab::tests;

TEST_CASE("chat: a streamed answer arrives piece by piece, with its usage") {
    Provider provider{streaming({R"({"choices":[{"delta":{"role":"assistant","content":""}}]})", delta("Hel"),
                                 delta("lo"), kStop, kUsage, "[DONE]"})};
    const auto answer = provider.ask();
    REQUIRE(answer);
    CHECK(answer->content == "Hello");
    CHECK(provider.deltas == "[Hel][lo]");
    CHECK(answer->finish_reason == "stop");
    CHECK(answer->model == "m-1");
    REQUIRE(answer->usage);
    CHECK(answer->usage->input_tokens == 12);
    CHECK(answer->usage->output_tokens == 3);
    CHECK(answer->usage->cached_input_tokens == 8);
}

TEST_CASE("chat: the request is what an OpenAI-compatible server expects") {
    Provider provider{streaming({delta("ok"), kStop, "[DONE]"})};
    ChatRequest request = Provider::question("2+2?");
    request.temperature = 0.5;
    request.max_output_tokens = 100;
    request.idempotency_key = "job-1-step-2";
    request.tools = {{"memory_search", "Searches.", R"({"type":"object","properties":{"query":{"type":"string"}}})"}};
    request.messages.push_back({Role::kAssistant,
                                "",
                                {{"call_1", "memory_search", R"({"query":"x"})"}, {"call_2", "memory_search", "{oops"}},
                                {}});
    request.messages.push_back({Role::kTool, "nothing", {}, "call_1"});
    REQUIRE(provider.ask(request));
    const auto seen = provider.server.requests().at(0);
    CHECK(seen.method == "POST");
    CHECK(seen.target == "/v1/chat/completions");
    CHECK(seen.header("authorization") == "Bearer sk-very-secret");
    CHECK(seen.header("content-type") == "application/json");
    CHECK(seen.header("idempotency-key") == "job-1-step-2");
    const json body = provider.body();
    CHECK(body["stream"] == true);
    CHECK(body["stream_options"]["include_usage"] == true);
    CHECK(body["max_tokens"] == 100);
    CHECK_FALSE(body.contains("max_completion_tokens"));
    CHECK(body["temperature"] == 0.5);
    CHECK(body["messages"][0] == json{{"role", "system"}, {"content", "Be brief."}});
    CHECK(body["messages"][2]["content"].is_null());
    CHECK(body["messages"][2]["tool_calls"][0]["function"]["arguments"] == R"({"query":"x"})");
    CHECK(body["messages"][2]["tool_calls"][1]["function"]["arguments"] == "{}");
    CHECK(body["messages"][3]["tool_call_id"] == "call_1");
    CHECK(body["tools"][0]["function"]["parameters"]["properties"].contains("query"));
}

TEST_CASE("chat: reasoning models get max_completion_tokens, and a setting overrides the guess") {
    Provider provider{answering(200, kWhole)};
    ChatRequest request = Provider::question("x");
    request.max_output_tokens = 7;
    for (const char* model : {"o3-mini", "gpt-5.1", "openai/o1"}) {
        request.model = model;
        REQUIRE(provider.ask(request));
    }
    provider.settings.token_limit = TokenLimitName::kMaxTokens;
    REQUIRE(provider.ask(request));
    for (std::size_t i = 0; i < 3; ++i) CHECK(provider.body(i)["max_completion_tokens"] == 7);
    CHECK(provider.body(3)["max_tokens"] == 7);
}

TEST_CASE("chat: without streaming the answer comes whole") {
    Provider provider{answering(200, kWhole)};
    provider.settings.streaming = Streaming::kOff;
    const auto answer = provider.ask();
    REQUIRE(answer);
    CHECK(answer->content == "Hello");
    CHECK(answer->usage->input_tokens == 5);
    CHECK(provider.deltas == "[Hello]");
    CHECK_FALSE(provider.body().contains("stream"));
}

TEST_CASE("chat: a server that does not stream although asked to is understood") {
    Provider provider{answering(200, kWhole)};
    const auto answer = provider.ask();
    REQUIRE(answer);
    CHECK(answer->content == "Hello");
}

TEST_CASE("chat: tool calls are put together by their index") {
    const auto piece = [](std::string_view calls) {
        return R"({"choices":[{"delta":{"tool_calls":)" + std::string{calls} + "}}]}";
    };
    Provider provider{streaming(
        {piece(R"([{"index":0,"id":"call_a","type":"function","function":{"name":"memory_add","arguments":""}}])"),
         piece(R"([{"index":0,"function":{"arguments":"{\"content\":"}}])"),
         piece(R"([{"index":1,"id":"call_b","function":{"name":"memory_search","arguments":"{\"query\""}}])"),
         piece(R"([{"index":0,"function":{"arguments":"\"tea\"}"}},{"index":1,"function":{"arguments":":\"x\"}"}}])"),
         R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})", "[DONE]"})};
    const auto answer = provider.ask();
    REQUIRE(answer);
    CHECK(answer->finish_reason == "tool_calls");
    REQUIRE(answer->tool_calls.size() == 2);
    CHECK(answer->tool_calls[0].id == "call_a");
    CHECK(answer->tool_calls[0].name == "memory_add");
    CHECK(answer->tool_calls[0].arguments == R"({"content":"tea"})");
    CHECK(answer->tool_calls[1].name == "memory_search");
    CHECK(answer->tool_calls[1].arguments == R"({"query":"x"})");
    CHECK(provider.deltas.empty());
}

TEST_CASE("chat: whole tool calls under one index, without index or without id stay apart") {
    Provider provider{streaming(
        {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"two","arguments":{"k":1}}}]}}]})",
         R"({"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"three"}}]},"finish_reason":"tool_calls"}]})",
         "[DONE]"})};
    const auto answer = provider.ask();
    REQUIRE(answer);
    REQUIRE(answer->tool_calls.size() == 3);
    CHECK(answer->tool_calls[0].name == "one");
    CHECK(answer->tool_calls[1].name == "two");
    CHECK(answer->tool_calls[1].arguments == R"({"k":1})");
    CHECK(answer->tool_calls[2].name == "three");
    CHECK(answer->tool_calls[2].arguments == "{}");

    provider.server.set_script(answering(200, R"({"choices":[{"message":{"content":null,"tool_calls":[
        {"index":0,"function":{"name":"x","arguments":"{}"}},{"index":1,"function":{"name":"y","arguments":"{}"}}]}}]})"));
    const auto whole = provider.ask();
    REQUIRE(whole);
    REQUIRE(whole->tool_calls.size() == 2);
    CHECK(whole->tool_calls[1].id == "call_1");
    CHECK(whole->finish_reason == "tool_calls");
}

TEST_CASE("chat: connections are used again after a stream") {
    Provider provider{streaming({delta("ok"), kStop, "[DONE]"})};
    for (int i = 0; i < 5; ++i) {
        REQUIRE(provider.ask());
        // An answer is complete with [DONE]; its connection is free when the body has ended, too.
        eventually(10s, [&] { return provider.server.answering() == 0; }, "the stream has ended");
    }
    CHECK(provider.server.connections() == 1);
}

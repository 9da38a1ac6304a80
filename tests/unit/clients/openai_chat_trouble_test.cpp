/// @file  What becomes of refusals, broken streams, garbage and silence.

#include <catch2/catch_test_macros.hpp>

#include "scripted_provider.hpp"

using namespace oiab::tests;

TEST_CASE("chat: refusals are permanent and carry the provider's words") {
    Provider provider{answering(200, "")};
    for (const int status : {400, 401, 402, 403, 404, 413, 422}) {
        provider.server.set_script(
            answering(status, R"({"error":{"message":"No way, sk-very-secret","type":"invalid_request_error"}})"));
        const auto answer = provider.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kPermanent);
        CHECK(answer.error().status == status);
        CHECK(answer.error().message == "the provider answered " + std::to_string(status) + ": No way, ***");
    }
}

TEST_CASE("chat: overload and server trouble are retryable") {
    Provider provider{answering(200, "")};
    for (const int status : {408, 409, 429, 500, 502, 503, 504, 529}) {
        provider.server.set_script(answering(status, "<html>Bad\nGateway</html>"));
        const auto answer = provider.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kRetryable);
        CHECK(answer.error().message.ends_with(": <html>Bad Gateway</html>"));
    }
}

TEST_CASE("chat: Retry-After is honoured as seconds and as a date") {
    Provider provider{answering(429, R"({"error":"slow down"})", {{"Retry-After", "17"}})};
    auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().retry_after == 17s);
    CHECK(answer.error().message == "the provider answered 429: slow down");
    provider.server.set_script(answering(
        503, "{}", {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:51:37 GMT"}}));
    answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().retry_after == 120s);
}

TEST_CASE("chat: a 429 for want of quota is permanent") {
    Provider provider{answering(429, R"({"error":{"message":"You exceeded your quota","type":"insufficient_quota"}})")};
    const auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
}

TEST_CASE("chat: a conversation that is too long is a class of its own") {
    for (const char* body : {R"({"error":{"message":"too long","code":"context_length_exceeded"}})",
                             R"({"error":{"message":"This model's maximum context length is 8192 tokens"}})",
                             R"({"message":"prompt is too long: 210000 tokens"})"}) {
        Provider provider{answering(400, body)};
        const auto answer = provider.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kContextLength);
    }
}

TEST_CASE("chat: want of money is permanent under each of its names, a rate limit is not") {
    for (const char* body : {R"({"error":{"message":"x","code":"insufficient_quota"}})",
                             R"({"error":{"message":"x","code":"billing_not_active"}})",
                             R"({"error":{"message":"x","code":"billing_hard_limit_reached"}})",
                             R"({"error":{"message":"x","type":"billing_error"}})"}) {
        Provider provider{answering(429, body)};
        const auto error = provider.ask().error();
        CHECK(error.kind == ModelErrorClass::kPermanent);
        CHECK_FALSE(error.rate_limited);
    }
    Provider azure{answering(429, R"({"error":{"code":"429","message":"Please retry after 26 seconds."}})")};
    const auto error = azure.ask().error();
    CHECK(error.kind == ModelErrorClass::kRetryable);
    CHECK(error.rate_limited);
    CHECK(error.retry_after == 26s);
    Provider streamed{streaming({delta("Hel"), R"({"error":{"message":"x","code":"rate_limit_exceeded"}})"})};
    CHECK(streamed.ask().error().rate_limited);
    Provider down{answering(503, "{}")};
    CHECK_FALSE(down.ask().error().rate_limited);
}

TEST_CASE("chat: too long is understood in each server's words, and only where it can be meant") {
    for (
        const char* body :
        {R"({"error":{"type":"exceed_context_size_error","message":"request (9 tokens) exceeds the available context size"}})",
         R"({"error":{"message":"Please reduce the length of the messages or completion."}})",
         R"({"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}})",
         R"({"error":{"message":"Input is too long for requested model."}})"}) {
        Provider provider{answering(400, body)};
        CHECK(provider.ask().error().kind == ModelErrorClass::kContextLength);
    }
    Provider other{answering(403, R"({"error":{"message":"your plan has no long context window"}})")};
    CHECK(other.ask().error().kind == ModelErrorClass::kPermanent);
}

TEST_CASE("chat: an error inside a 200 stream is an error") {
    Provider provider{streaming({delta("Hel"), R"({"error":{"message":"backend died","type":"server_error"}})"})};
    auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kRetryable);
    CHECK(answer.error().message == "the provider broke off its answer with an error: backend died");
    CHECK(answer.error().may_be_billed);

    // Thoughts are paid for, too, although nobody is shown them.
    provider.server.set_script(streaming({R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})",
                                          R"({"error":{"message":"slow down","type":"rate_limit_error"}})"}));
    CHECK(provider.ask().error().may_be_billed);

    provider.server.set_script(streaming({R"({"error":{"message":"bad model","code":404}})"}));
    answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
    CHECK_FALSE(answer.error().may_be_billed);

    provider.server.set_script(answering(200, R"({"error":{"message":"no credit","code":"insufficient_quota"}})"));
    answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
}

TEST_CASE("chat: a stream without its end is a broken connection, cut or closed") {
    for (const bool ended : {true, false}) {
        Provider provider{streaming({delta("Hel")}, ended)};
        const auto answer = provider.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kRetryable);
        CHECK(provider.deltas == "[Hel]");
    }
}

TEST_CASE("chat: a stream that says why it stopped is complete even without [DONE]") {
    for (const bool ended : {true, false}) {
        Provider provider{streaming({delta("Hello"), kStop}, ended)};
        const auto answer = provider.ask();
        REQUIRE(answer);
        CHECK(answer->content == "Hello");
        CHECK_FALSE(answer->usage);
    }
}

TEST_CASE("chat: garbage is a clear, retryable error") {
    for (const char* body : {"", "not json", "[]", "42", R"({"choices":[]})", R"({"choices":[7]})", "{\"a\":"}) {
        Provider provider{answering(200, body)};
        const auto answer = provider.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kRetryable);
        CHECK(answer.error().message.starts_with("the provider's answer is garbled: "));
    }
    Provider deep{answering(200, R"({"choices":)" + std::string(200'000, '['))};
    deep.server.next(answering(200, R"({"choices":)" + std::string(20'000, '[') + std::string(20'000, ']') + "}"));
    for (int i = 0; i < 2; ++i) CHECK(deep.ask().error().message == "the provider's answer is garbled: it is not JSON");
    Provider streamed{streaming({"{nonsense"})};
    CHECK(streamed.ask().error().kind == ModelErrorClass::kRetryable);
    Provider nothing{streaming({"[DONE]"})};
    CHECK(nothing.ask().error().message == "the provider's answer is garbled: its stream has no choices");
}

TEST_CASE("chat: numbers of tokens that cannot be are bounded") {
    const auto usage_of = [](const std::string& input, const std::string& output, const std::string& cached) {
        Provider provider{answering(200, R"({"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":)" +
                                             input + R"(,"completion_tokens":)" + output +
                                             R"(,"prompt_tokens_details":{"cached_tokens":)" + cached + "}}}")};
        return provider.ask().value().usage.value();
    };
    const auto low = usage_of("-5", "-1e300", "-9223372036854775808");
    CHECK((low.input_tokens == 0 && low.output_tokens == 0 && low.cached_input_tokens == 0));
    const auto high = usage_of("1e300", "18446744073709551615", "9e18");
    CHECK((high.input_tokens == kMaxCallTokens && high.output_tokens == kMaxCallTokens));
    CHECK(high.cached_input_tokens == kMaxCallTokens);
    CHECK(usage_of("12", "3.0", "null").output_tokens == 3);
}

TEST_CASE("chat: the status of a refusal counts although its body breaks off") {
    for (const Streaming streaming : {Streaming::kOn, Streaming::kOff}) {
        int status = 401;
        Provider provider{[&](ServedConnection& connection, const ServedRequest&) {
            connection.raw("HTTP/1.1 " + std::to_string(status) +
                           " No\r\nContent-Type: application/json\r\nRetry-After: 7\r\nContent-Length: 999\r\n\r\n"
                           "{\"error\"");
            connection.close_after();
        }};
        provider.settings.streaming = streaming;
        const auto refused = provider.ask();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ModelErrorClass::kPermanent);
        CHECK(refused.error().status == 401);
        status = 429;
        CHECK(provider.ask().error().retry_after == 7s);
    }
}

TEST_CASE("chat: half an answer and a reset are retryable") {
    Provider provider{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{\"choices\"");
        connection.close_after();
    }};
    CHECK(provider.ask().error().kind == ModelErrorClass::kRetryable);
    provider.server.set_script([](ServedConnection& connection, const ServedRequest&) { connection.reset(); });
    CHECK(provider.ask().error().kind == ModelErrorClass::kRetryable);
}

TEST_CASE("chat: a call on a kept connection that dies is made once, and may have been billed") {
    Provider provider{streaming({delta("ok"), kStop, "[DONE]"})};
    REQUIRE(provider.ask());
    provider.server.next([](ServedConnection& connection, const ServedRequest&) { connection.close_after(); });
    const auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kRetryable);
    CHECK(answer.error().may_be_billed);
    CHECK(provider.server.requests().size() == 2);
}

TEST_CASE("chat: silence runs into the deadline, and says so") {
    Provider provider{
        [](ServedConnection& connection, const ServedRequest&) { static_cast<void>(connection.wait_for_close()); }};
    ChatRequest request = Provider::question("anybody?");
    request.deadline = Deadline::after(150ms);
    const auto answer = provider.ask(request);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kDeadline);
}

TEST_CASE("chat: invalid UTF-8 and NUL from a provider become replacement characters") {
    Provider provider{streaming({"{\"choices\":[{\"delta\":{\"content\":\"caf\xE9 \\u0000!\"}}]}",
                                 R"({"choices":[{"delta":{"content":"\ud83d"}}]})", delta("\xF0\x9F\x98\x80"), kStop})};
    const auto answer = provider.ask();
    REQUIRE(answer);
    CHECK(answer->content == "caf\xEF\xBF\xBD \xEF\xBF\xBD!\xEF\xBF\xBD\xF0\x9F\x98\x80");
    CHECK_NOTHROW(json(answer->content).dump());
}

TEST_CASE("chat: our own malformed text is sent with replacement characters, not thrown over") {
    Provider provider{answering(200, kWhole)};
    REQUIRE(provider.ask("broken \xFF text"));
    CHECK(provider.body()["messages"][1]["content"] == "broken \xEF\xBF\xBD text");
}

TEST_CASE("chat: a flood is cut off and not tried again") {
    Provider provider{[](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        const std::string event = "data: " + delta(std::string(1U << 16U, 'x')) + "\n\n";
        for (int i = 0; i < 10'000; ++i) connection.chunk(event);
    }};
    provider.settings.provider.max_response_bytes = 4U << 20U;
    const auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
}

TEST_CASE("chat: Azure's way of addressing and authorising is spoken") {
    Provider provider{answering(200, kWhole)};
    provider.settings.provider.base_url = provider.server.url("/openai/deployments/d?api-version=2024-10-21");
    provider.settings.provider.auth = ProviderAuth::kApiKey;
    REQUIRE(provider.ask());
    const auto seen = provider.server.requests().at(0);
    CHECK(seen.target == "/openai/deployments/d/chat/completions?api-version=2024-10-21");
    CHECK(seen.header("api-key") == "sk-very-secret");
    CHECK(seen.header("authorization").empty());
}

TEST_CASE("chat: an address that is none is permanent, and nobody there is retryable") {
    Provider provider{answering(200, kWhole)};
    provider.settings.provider.base_url = "localhost";
    CHECK(provider.ask().error().kind == ModelErrorClass::kPermanent);
    provider.settings.provider.base_url = "http://127.0.0.1:1/v1";
    const auto answer = provider.ask();
    CHECK(answer.error().kind == ModelErrorClass::kRetryable);
    CHECK(answer.error().status == 0);
}

TEST_CASE("chat: a call that ended before it was sent is not charged") {
    const auto billed = [](CallFailure kind, Repeat repeat) {
        return model_error_of(CallError{kind, "as scripted", repeat}, oiab::core::Deadline::never()).may_be_billed;
    };
    for (const auto kind : {CallFailure::kTimeout, CallFailure::kTruncated, CallFailure::kCancelled}) {
        CHECK(billed(kind, Repeat::kUnsafe));
        CHECK_FALSE(billed(kind, Repeat::kSafe));
    }
}

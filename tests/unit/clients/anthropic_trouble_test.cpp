/// @file  What becomes of Anthropic's refusals, broken streams and garbage.

#include <catch2/catch_test_macros.hpp>

#include "scripted_anthropic.hpp"

using namespace oiab::tests;

namespace {

std::string error_body(std::string_view type, std::string_view message) {
    return json{{"type", "error"}, {"error", {{"type", type}, {"message", message}}}, {"request_id", "req_1"}}.dump();
}

std::string error_event(std::string_view type) {
    return event({{"type", "error"}, {"error", {{"type", type}, {"message", "sorry, sk-very-secret"}}}});
}

}  // namespace

TEST_CASE("anthropic: each of its errors is told apart, by status and inside of a stream alike") {
    struct Case {
        int status;
        const char* type;
        ModelErrorClass kind;
    };
    using enum ModelErrorClass;
    for (const auto& [status, type, kind] : std::vector<Case>{{400, "invalid_request_error", kPermanent},
                                                              {401, "authentication_error", kPermanent},
                                                              {402, "billing_error", kPermanent},
                                                              {403, "permission_error", kPermanent},
                                                              {404, "not_found_error", kPermanent},
                                                              {413, "request_too_large", kPermanent},
                                                              {429, "rate_limit_error", kRetryable},
                                                              {500, "api_error", kRetryable},
                                                              {504, "timeout_error", kRetryable},
                                                              {529, "overloaded_error", kRetryable}}) {
        INFO(type);
        Anthropic model{answering(status, error_body(type, "sorry, sk-very-secret"))};
        const auto refused = model.ask();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == kind);
        CHECK(refused.error().status == status);
        CHECK(refused.error().rate_limited == (status == 429));
        CHECK(refused.error().message == "the provider answered " + std::to_string(status) + ": sorry, ***");

        model.provider.server.set_script(
            sending({message_start(), block_start(0, kTextBlock), text_delta(0, "Hel"), error_event(type)}));
        const auto broken = model.ask();
        REQUIRE_FALSE(broken);
        CHECK(broken.error().kind == kind);
        CHECK(broken.error().rate_limited == (status == 429));
        CHECK(broken.error().message == "the provider broke off its answer with an error: sorry, ***");
        CHECK(model.deltas == "[Hel]");
        CHECK(broken.error().may_be_billed);

        model.provider.server.set_script(sending({error_event(type)}));
        const auto unbegun = model.ask();
        REQUIRE_FALSE(unbegun);
        CHECK_FALSE(unbegun.error().may_be_billed);
    }
}

TEST_CASE("anthropic: a conversation that is too long is a class of its own, in both of its sentences") {
    for (const char* message :
         {"prompt is too long: 210000 tokens > 200000 maximum",
          "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length"}) {
        Anthropic model{answering(400, error_body("invalid_request_error", message))};
        CHECK(model.ask().error().kind == ModelErrorClass::kContextLength);
        model.provider.server.set_script(sending(
            {event({{"type", "error"}, {"error", {{"type", "invalid_request_error"}, {"message", message}}}})}));
        CHECK(model.ask().error().kind == ModelErrorClass::kContextLength);
    }
}

TEST_CASE("anthropic: overload asks for patience, and is heard") {
    Anthropic model{answering(529, error_body("overloaded_error", "Overloaded"), {{"retry-after", "21"}})};
    CHECK(model.ask().error().retry_after == 21s);
}

TEST_CASE("anthropic: a stream without message_stop is a broken connection, wherever it ends") {
    const std::vector<std::string> all{message_start(), block_start(0, kTextBlock), text_delta(0, "Hello"),
                                       block_stop(0),   message_delta("end_turn"),  message_stop()};
    for (std::size_t length = 0; length < all.size(); ++length) {
        for (const bool ended : {true, false}) {
            Anthropic model{sending({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(length)}, ended)};
            const auto answer = model.ask();
            REQUIRE_FALSE(answer);
            CHECK(answer.error().kind == ModelErrorClass::kRetryable);
            CHECK(answer.error().may_be_billed);
        }
    }
    Anthropic whole{sending(all, false)};
    CHECK(whole.ask()->content == "Hello");
}

TEST_CASE("anthropic: a stream cut at any byte is never an answer") {
    std::string all;
    for (const auto& piece : {message_start(), block_start(0, kTextBlock), text_delta(0, "Hello"), block_stop(0),
                              message_delta("end_turn"), message_stop()}) {
        all += piece;
    }
    // The last byte ends the last event; without it the standard discards the event.
    for (std::size_t length = 0; length < all.size(); length += 17) {
        Anthropic model{sending({all.substr(0, length)})};
        const auto answer = model.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kRetryable);
    }
    Anthropic model{sending({all.substr(0, all.size() - 1)})};
    CHECK_FALSE(model.ask());
}

TEST_CASE("anthropic: garbage is a clear, retryable error") {
    const auto expect_garbled = [](Anthropic model) {
        const auto answer = model.ask();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().kind == ModelErrorClass::kRetryable);
        INFO(answer.error().message);
        CHECK(answer.error().message.starts_with("the provider's answer is garbled: "));
    };
    for (const char* body : {"", "not json", "[]", "42", "{}", R"({"content":7})", R"({"content":[7]})",
                             R"({"content":[{"type":7}]})", R"({"content":[{"type":"tool_use"}]})"}) {
        expect_garbled(Anthropic{answering(200, body)});
    }
    const auto in_stream = [&](std::vector<std::string> events) { expect_garbled(Anthropic{sending(events)}); };
    in_stream({"data: {nonsense\n\n"});
    in_stream({"data: []\n\n"});
    in_stream({message_stop()});
    in_stream({message_start(), message_start()});
    in_stream({block_start(0, kTextBlock)});
    in_stream({message_start(), block_start(-1, kTextBlock)});
    in_stream({message_start(), block_start(0, kTextBlock), block_start(0, kTextBlock)});
    in_stream({message_start(), block_start(0, json::object())});
    in_stream({message_start(), text_delta(3, "x")});
    in_stream({message_start(), event({{"type", "content_block_delta"}, {"index", "zero"}, {"delta", 7}})});
    in_stream({message_start(), block_start(0, {{"type", "tool_use"}, {"name", "x"}})});
}

TEST_CASE("anthropic: types that are not what they should be are passed over") {
    Anthropic model{sending({event({{"type", "message_start"}, {"message", {{"usage", 7}, {"model", {1}}}}}),
                             event({{"type", "message_delta"}, {"delta", "x"}, {"usage", {{"output_tokens", "many"}}}}),
                             block_start(0, {{"type", "text"}, {"text", 7}}),
                             block_delta(0, {{"type", "text_delta"}, {"text", {"x"}}}), text_delta(0, "ok"),
                             "data: {\"type\":7}\n\n", message_stop()})};
    const auto answer = model.ask();
    REQUIRE(answer);
    CHECK(answer->content == "ok");
    CHECK(answer->finish_reason == "stop");
    CHECK(json::parse(answer->parts.value().content) == json::array({{{"type", "text"}, {"text", "ok"}}}));
}

TEST_CASE("anthropic: numbers of tokens that cannot be are bounded") {
    Anthropic model{
        sending({message_start({{"input_tokens", 9e18}, {"cache_read_input_tokens", 1e300}}),
                 message_delta("end_turn", {{"output_tokens", -5}, {"input_tokens", nullptr}}), message_stop()})};
    const auto usage = model.ask().value().usage.value();
    CHECK(usage.input_tokens == kMaxCallTokens);
    CHECK(usage.cached_input_tokens == kMaxCallTokens);
    CHECK(usage.output_tokens == 0);
}

TEST_CASE("anthropic: JSON nested without end neither crashes nor is kept") {
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    Anthropic model{sending(
        {message_start(), "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":" + deep + "}\n\n"})};
    CHECK(model.ask().error().message == "the provider's answer is garbled: an event of its stream is not JSON");

    // As a tool's arguments it is text, which the tool's loop refuses; the parts get an empty object instead.
    const auto with_input = [](const std::string& input) {
        return sending({message_start(),
                        block_start(0, {{"type", "tool_use"}, {"id", "t"}, {"name", "n"}, {"input", json::object()}}),
                        block_delta(0, {{"type", "input_json_delta"}, {"partial_json", input}}),
                        message_delta("tool_use"), message_stop()});
    };
    model.provider.server.set_script(with_input("{\"a\":" + deep + "}"));
    auto answer = model.ask();
    REQUIRE(answer);
    CHECK(answer->tool_calls.at(0).arguments.size() > 400'000);
    CHECK(json::parse(answer->parts.value().content)[0]["input"] == json::object());

    // So deep that it can be read, but no longer with what is put around it later.
    model.provider.server.set_script(with_input("{\"a\":" + std::string(508, '[') + std::string(508, ']') + "}"));
    answer = model.ask();
    REQUIRE(answer);
    CHECK_FALSE(answer->parts);
}

TEST_CASE("anthropic: NUL, lone surrogates and broken UTF-8 cannot reach the database") {
    Anthropic model{
        sending({message_start(), block_start(0, kTextBlock),
                 "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
                 "\"text\":\"caf\xE9 \\u0000 \\ud83d\"}}\n\n",
                 block_start(1, {{"type", "odd"}, {"data", "a\0b"}}), message_delta("end_turn"), message_stop()})};
    const auto answer = model.ask();
    REQUIRE(answer);
    CHECK(answer->content == "caf\xEF\xBF\xBD \xEF\xBF\xBD \xEF\xBF\xBD");
    CHECK(answer->parts.value().content.find("\\u0000") == std::string::npos);
    CHECK_NOTHROW(json(answer->parts->content).dump());
}

#include "handlers/payload.hpp"

#include <catch2/catch_test_macros.hpp>

#include "oiab/attempt.hpp"

using namespace oiab;
using handlers::Payload;

namespace {

/// The error of the outcome with which reading ends the attempt.
template <typename Read>
std::string refusal(Read read) {
    try {
        read();
    } catch (const EndAttempt& end) {
        const auto* failed = std::get_if<core::Failed>(&end.outcome());
        REQUIRE(failed != nullptr);
        CHECK(failed->reason == core::FailureReason::kInvalidPayload);
        return failed->error;
    }
    FAIL("nothing was refused");
    return {};
}

}  // namespace

TEST_CASE("payload: camelCase and snake_case are read alike") {
    const std::string id = "018f3c6e-0000-7000-8000-000000000001";
    CHECK(Payload{R"({"userId":")" + id + R"("})"}.required_uuid("userId").to_string() == id);
    CHECK(Payload{R"({"user_id":")" + id + R"("})"}.required_uuid("userId").to_string() == id);
    CHECK(Payload{R"({"parent_session_id":"s"})"}.required_text("parentSessionId") == "s");
}

TEST_CASE("payload: anything but an object is refused") {
    for (const auto* text : {"[]", "7", "\"x\"", "null", "{", ""}) {
        CHECK(refusal([&] { (void)Payload{text}; }) == "the payload must be a JSON object");
    }
}

TEST_CASE("payload: a refusal names the field and what it must be") {
    CHECK(refusal([] { (void)Payload{"{}"}.required_uuid("userId"); }) ==
          "payload field \"userId\" is missing; it must be a UUID");
    CHECK(refusal([] { (void)Payload{R"({"userId":"bob"})"}.required_uuid("userId"); }) ==
          "payload field \"userId\" must be a UUID");
    CHECK(refusal([] { (void)Payload{R"({"text":" \n"})"}.required_text("text"); }) ==
          "payload field \"text\" must not be empty");
    CHECK(refusal([] { (void)Payload{R"({"text":["a"]})"}.required_text("text"); }) ==
          "payload field \"text\" must be a string");
    CHECK(refusal([] { (void)Payload{R"({"limit":0})"}.optional_integer("limit", 7, 1, 10); }) ==
          "payload field \"limit\" must be a whole number from 1 to 10");
    CHECK(refusal([] { (void)Payload{R"({"limit":1.5})"}.optional_integer("limit", 7, 1, 10); }) ==
          "payload field \"limit\" must be a whole number from 1 to 10");
    CHECK(refusal([] { (void)Payload{R"({"limit":18446744073709551615})"}.optional_integer("limit", 7, 1, 10); }) ==
          "payload field \"limit\" must be a whole number from 1 to 10");
    CHECK(refusal([] { (void)Payload{R"({"crash":"yes"})"}.optional_flag("crash"); }) ==
          "payload field \"crash\" must be true or false");
}

TEST_CASE("payload: null and missing optional fields get their defaults") {
    const Payload payload{R"({"limit":null,"channel":null})"};
    CHECK(payload.optional_integer("limit", 7, 1, 10) == 7);
    CHECK(payload.optional_text("channel", "api") == "api");
    CHECK_FALSE(payload.optional_uuid("planId").has_value());
    CHECK_FALSE(payload.optional_flag("crash"));
}

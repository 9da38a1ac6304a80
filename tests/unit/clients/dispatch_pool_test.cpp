#include <catch2/catch_test_macros.hpp>

#include "clients/dispatch_pool.hpp"
#include "clients/utf8.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;

namespace {

PoolAnswer answer(int status, std::string_view body, std::optional<std::chrono::milliseconds> retry_after = {}) {
    return read_pool_answer(status, body, retry_after);
}

std::string refusal(int status, std::string_view body) {
    const auto read = answer(status, body);
    REQUIRE(std::holds_alternative<PoolRefusal>(read));
    return std::get<PoolRefusal>(read).why;
}

std::string trouble(int status, std::string_view body) {
    const auto read = answer(status, body);
    REQUIRE(std::holds_alternative<PoolTrouble>(read));
    return std::get<PoolTrouble>(read).why;
}

}  // namespace

TEST_CASE("pool: a result is taken, an error is final") {
    const auto result = answer(200, R"({"result": "found it", "error": null})");
    REQUIRE(std::holds_alternative<PoolResult>(result));
    CHECK(std::get<PoolResult>(result).text == "found it");
    CHECK(refusal(200, R"({"error": "no such repository"})") == "the sandbox pool's agent failed: no such repository");
    CHECK(refusal(200, R"({"error": {"message": "out of disk"}})") == "the sandbox pool's agent failed: out of disk");
    // What the database would refuse costs neither the result nor an attempt.
    const auto odd = answer(200, "{\"result\": \"a\\u0000b\\ud83dc\xff\"}");
    REQUIRE(std::holds_alternative<PoolResult>(odd));
    CHECK(std::get<PoolResult>(odd).text == "a\uFFFDb\uFFFDc\uFFFD");
    std::string accents;
    for (int i = 0; i < 400; ++i) accents += "\u00e9";
    const auto cut = refusal(422, R"({"error": "x)" + accents + R"("})");
    CHECK(cut == to_valid_utf8(cut));
    CHECK(refusal(401, "") == "the sandbox pool answered 401");
    CHECK(refusal(422, R"({"error": "no user_pc is connected"})") ==
          "the sandbox pool answered 422: no user_pc is connected");
}

TEST_CASE("pool: one that works on it is asked again, when it says or in some seconds") {
    const auto pending = [](std::optional<std::chrono::milliseconds> retry_after) {
        return std::get<PoolPending>(answer(202, "", retry_after)).ask_again_in;
    };
    CHECK(pending(30s) == 30s);
    CHECK(pending(std::nullopt) == 5s);
    CHECK(pending(0ms) == 1s);
}

TEST_CASE("pool: what may pass is no refusal") {
    for (const int status : {408, 409, 425, 429, 500, 503})
        CHECK(trouble(status, "").starts_with("the sandbox pool answered"));
    CHECK(std::get<PoolTrouble>(answer(503, "", 7s)).at_least == 7s);
    for (const auto* body : {"", "[]", "{}", R"({"result": 7})", "not json"})
        CHECK(trouble(200, body) == "the sandbox pool answered 200 with neither a result nor an error");
    CHECK(trouble(500, R"({"error": ")" + std::string(10'000, 'x') + R"("})").size() < 600);
}

#include "core/json_text.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace oiab::core;
using nlohmann::json;

namespace {

std::string nested(std::size_t levels, std::string_view open, std::string_view close) {
    std::string text;
    for (std::size_t i = 0; i < levels; ++i) text += open;
    text += "1";
    for (std::size_t i = 0; i < levels; ++i) text += close;
    return text;
}

}  // namespace

TEST_CASE("json text: what is nested deeper than the bound is discarded, in arrays and in objects") {
    for (const auto& [open, close] :
         std::initializer_list<std::pair<std::string_view, std::string_view>>{{"[", "]"}, {R"({"a":)", "}"}}) {
        const json deepest = parse_foreign_json(nested(kMaxJsonDepth, open, close));
        CHECK_FALSE(deepest.is_discarded());
        CHECK(json{deepest}.dump().size() > kMaxJsonDepth);
        CHECK(parse_foreign_json(nested(kMaxJsonDepth + 1, open, close)).is_discarded());
        CHECK(parse_foreign_json(nested(1'000'000, open, close)).is_discarded());
        CHECK(parse_foreign_json(nested(1'000'000, open, "")).is_discarded());
    }
}

TEST_CASE("json text: brackets within strings and beside each other do not count") {
    CHECK(parse_foreign_json("\"" + std::string(2 * kMaxJsonDepth, '[') + "\\\"[\"").is_string());
    std::string flat = "[[]";
    for (std::size_t i = 0; i < 2 * kMaxJsonDepth; ++i) flat += ",{}";
    CHECK(parse_foreign_json(flat + "]").size() == 2 * kMaxJsonDepth + 1);
    for (const char* text : {"", "{", "]]]", "\"", "\"\\", "nope"}) CHECK(parse_foreign_json(text).is_discarded());
}

TEST_CASE("json text: a value becomes text that jsonb accepts") {
    CHECK(storable_json(json{{"a", std::string("x\0y", 3)}}) == R"({"a":"x\ufffdy"})");
    CHECK(storable_json("\xFF!") == "\"\xEF\xBF\xBD!\"");
}

TEST_CASE("json text: lone surrogates and NULs are replaced, pairs and escaped backslashes are not") {
    CHECK(with_storable_escapes(R"("\ud83d\ude00")") == R"("\ud83d\ude00")");
    CHECK(with_storable_escapes(R"("\ud83d")") == R"("\ufffd")");
    CHECK(with_storable_escapes(R"("\ude00\ud83d")") == R"("\ufffd\ufffd")");
    CHECK(with_storable_escapes(R"("a\u0000b\\u0000")") == R"("a\ufffdb\\u0000")");
    CHECK(with_storable_escapes(R"("\\ud83d")") == R"("\\ud83d")");
    CHECK(with_storable_escapes(R"("\u00e4\n")") == R"("\u00e4\n")");
    CHECK(with_storable_escapes(R"("\u12)") == R"("\u12)");
}

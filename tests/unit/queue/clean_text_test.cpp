/// @file  Error texts as the database can store them.

#include "queue/clean_text.hpp"

#include <catch2/catch_test_macros.hpp>

using oiab::queue::clean_text;

TEST_CASE("clean text: good UTF-8 stays as it is") {
    CHECK(clean_text("") == "");
    CHECK(clean_text("plain, ü, €, 😀") == "plain, ü, €, 😀");
}

TEST_CASE("clean text: NUL, stray, overlong, surrogate and cut bytes become the replacement character") {
    const std::string bad = "\xEF\xBF\xBD";
    CHECK(clean_text(std::string_view{"a\0b", 3}) == "a" + bad + "b");
    CHECK(clean_text("\xff") == bad);
    CHECK(clean_text("\xC0\xAF") == bad + bad);
    CHECK(clean_text("\xED\xA0\x80") == bad + bad + bad);
    CHECK(clean_text("\xF4\x90\x80\x80") == bad + bad + bad + bad);
    CHECK(clean_text("end \xE2\x82") == "end " + bad + bad);
}

TEST_CASE("clean text: what is too long is cut between characters and says so") {
    CHECK(clean_text("12345", 5) == "12345");
    CHECK(clean_text("1234567", 6) == "123…");
    CHECK(clean_text("ééé", 6) == "ééé");
    CHECK(clean_text("éééé", 7) == "éé…");
}

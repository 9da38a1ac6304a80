#include "config/value.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace oiab::config;
using namespace std::chrono_literals;

TEST_CASE("durations: a number with its unit is read, several are added up") {
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("60s") == 60s);
    CHECK(parse_duration("15min") == 15min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("7d") == 168h);
    CHECK(parse_duration("1h30min") == 90min);
    CHECK(parse_duration(" 1 h 30 min ") == 90min);
    CHECK(parse_duration("0") == 0ms);
}

TEST_CASE("durations: what is no duration is told with what would be one") {
    const auto text = GENERATE("", "60", "s", "60 seconds", "-5s", "1.5h", "5s5", "1m", "99999999999999999999s",
                               "9999999999999d9999999999999d");
    INFO(text);
    const auto answer = parse_duration(text);
    REQUIRE(!answer);
    CHECK(answer.error().starts_with("must be a duration with a unit (ms, s, min, h, d) such as \"60s\", not \""));
}

TEST_CASE("durations: what is written reads back as the same") {
    const auto duration = GENERATE(0ms, 1ms, 999ms, 1000ms, 90s, 3600s, 86'400s, 123'456'789ms);
    CHECK(parse_duration(format_duration(duration)) == duration);
    CHECK(format_duration(90s) == "1min30s");
}

TEST_CASE("sizes: binary and decimal units are told apart") {
    CHECK(parse_size("1KiB") == 1024);
    CHECK(parse_size("1kB") == 1000);
    CHECK(parse_size("2 MiB") == 2 * 1024 * 1024);
    CHECK(parse_size("0") == 0);
    CHECK_FALSE(parse_size("1"));
    CHECK_FALSE(parse_size("1 mib"));
}

TEST_CASE("switches, numbers and lists: usual spellings are read, others refused") {
    CHECK(parse_switch("on") == true);
    CHECK(parse_switch("0") == false);
    CHECK_FALSE(parse_switch("True"));
    CHECK(parse_integer(" 12 ") == 12);
    CHECK_FALSE(parse_integer("12x"));
    CHECK_FALSE(parse_integer(""));
    CHECK(parse_decimal("0.25") == 0.25);
    CHECK_FALSE(parse_decimal("0,25"));
    CHECK(parse_list("a, b-* ,,c") == std::vector<std::string>{"a", "b-*", "c"});
    CHECK(parse_list(" ").empty());
}

TEST_CASE("messages: a quoted value is cut and has no control characters") {
    CHECK(quote("a\nb\x1b[31m") == "\"a?b?[31m\"");
    CHECK(quote(std::string(200, 'x')).size() < 80);
}

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "core/cron_expression.hpp"

using namespace oiab::core;
using namespace std::chrono_literals;

namespace {

CronExpression parsed(std::string_view text) {
    const auto expression = CronExpression::parse(text);
    INFO(text << ": " << (expression ? "" : expression.error()));
    REQUIRE(expression.has_value());
    return *expression;
}

std::string fault_of(std::string_view text) {
    const auto expression = CronExpression::parse(text);
    INFO(text);
    REQUIRE_FALSE(expression.has_value());
    return expression.error();
}

/// 2026 begins on a Thursday.
LocalMinute at(unsigned month, unsigned day, int hour = 0, int minute = 0) {
    return std::chrono::local_days{std::chrono::year{2026} / std::chrono::month{month} / std::chrono::day{day}} +
           std::chrono::hours{hour} + std::chrono::minutes{minute};
}

}  // namespace

TEST_CASE("cron: five fields name minutes of the calendar") {
    const auto expression = parsed("30 4 15 6 *");
    CHECK(expression.matches(at(6, 15, 4, 30)));
    CHECK_FALSE(expression.matches(at(6, 15, 4, 31)));
    CHECK_FALSE(expression.matches(at(6, 15, 5, 30)));
    CHECK_FALSE(expression.matches(at(6, 16, 4, 30)));
    CHECK_FALSE(expression.matches(at(7, 15, 4, 30)));
}

TEST_CASE("cron: lists, ranges and steps") {
    const auto expression = parsed("1,5-9/2,50/4  8-10 * * *");
    for (const int minute : {1, 5, 7, 9, 50, 54, 58}) CHECK(expression.matches(at(1, 1, 8, minute)));
    for (const int minute : {0, 2, 6, 11, 49, 51, 59}) CHECK_FALSE(expression.matches(at(1, 1, 8, minute)));
    CHECK(expression.matches(at(1, 1, 10, 1)));
    CHECK_FALSE(expression.matches(at(1, 1, 11, 1)));
    CHECK(parsed("*/40 * * * *").matches(at(1, 1, 0, 40)));
    CHECK_FALSE(parsed("*/40 * * * *").matches(at(1, 1, 0, 20)));
    CHECK(parsed("0/2147483647 0 * * *").matches(at(1, 1)));
}

TEST_CASE("cron: months and days of the week have names, in either case") {
    CHECK(parsed("0 0 * jan,Dec *").matches(at(12, 5)));
    CHECK_FALSE(parsed("0 0 * jan,Dec *").matches(at(11, 5)));
    const auto weekdays = parsed("0 9 * * mon-FRI");
    CHECK(weekdays.matches(at(1, 2, 9)));        // Friday
    CHECK_FALSE(weekdays.matches(at(1, 3, 9)));  // Saturday
    const auto weekend = parsed("0 9 ? * SAT-SUN");
    CHECK(weekend.matches(at(1, 3, 9)));
    CHECK(weekend.matches(at(1, 4, 9)));
    CHECK_FALSE(weekend.matches(at(1, 5, 9)));
}

TEST_CASE("cron: Sunday is 0 and 7") {
    for (const auto* text : {"0 0 * * 0", "0 0 * * 7", "0 0 * * 7-7", "0 0 * * SUN", "0 0 * * 6-7"})
        CHECK(parsed(text).matches(at(1, 4)));
    CHECK_FALSE(parsed("0 0 * * 0").matches(at(1, 5)));
    for (const auto* text : {"0 0 * * SUN-SUN", "0 0 * * 0-SUN", "0 0 * * 7-SUN", "0 0 * * 7"}) {
        CHECK(parsed(text).matches(at(1, 4)));
        CHECK_FALSE(parsed(text).matches(at(1, 5)));
        CHECK_FALSE(parsed(text).matches(at(1, 3)));
    }
    for (const auto* text : {"0 0 * * 7/2", "0 0 * * 0/2", "0 0 * * SUN/2"}) {
        CHECK(parsed(text).matches(at(1, 4)));
        CHECK(parsed(text).matches(at(1, 6)));
        CHECK_FALSE(parsed(text).matches(at(1, 5)));
    }
    // A step over all days counts the seven of them, not eight.
    CHECK_FALSE(parsed("0 0 * * */7").matches(at(1, 3)));
    CHECK(parsed("0 0 * * */7").matches(at(1, 4)));
}

TEST_CASE("cron: with both day fields restricted one of them suffices, with a star both must fit") {
    const auto either = parsed("0 0 13 * FRI");
    CHECK(either.matches(at(1, 13)));  // Tuesday
    CHECK(either.matches(at(1, 2)));   // a Friday
    CHECK_FALSE(either.matches(at(1, 14)));
    const auto both = parsed("0 0 */2 * FRI");  // odd days that are Fridays
    CHECK(both.matches(at(1, 9)));
    CHECK_FALSE(both.matches(at(1, 2)));
    CHECK_FALSE(both.matches(at(1, 3)));
}

TEST_CASE("cron: words stand for expressions") {
    CHECK(parsed("@hourly").matches(at(5, 5, 17)));
    CHECK(parsed(" @Daily ").matches(at(5, 5)));
    CHECK(parsed("@midnight").matches(at(5, 5)));
    CHECK_FALSE(parsed("@daily").matches(at(5, 5, 1)));
    CHECK(parsed("@weekly").matches(at(1, 4)));
    CHECK(parsed("@monthly").matches(at(5, 1)));
    CHECK(parsed("@yearly").matches(at(1, 1)));
    CHECK_FALSE(parsed("@annually").matches(at(2, 1)));
    CHECK(fault_of("@reboot").find("@hourly") != std::string::npos);
}

TEST_CASE("cron: a fault is told with its field") {
    CHECK(fault_of("") == "a cron expression has five fields (minute, hour, day of month, month, day of week), not 0");
    CHECK(fault_of("* * * * * *").ends_with("not 6"));
    CHECK(fault_of("60 * * * *") == "minute \"60\" must be 0 to 59");
    CHECK(fault_of("* 24 * * *") == "hour \"24\" must be 0 to 23");
    CHECK(fault_of("* * 0 * *") == "day of month \"0\" must be 1 to 31");
    CHECK(fault_of("* * * 13 *") == "month \"13\" must be 1 to 12 or JAN to DEC");
    CHECK(fault_of("* * * * 8") == "day of week \"8\" must be 0 to 7 or SUN to SAT");
    CHECK(fault_of("* * * * MONDAY").starts_with("day of week"));
    CHECK(fault_of("*/0 * * * *").find("step") != std::string::npos);
    CHECK(fault_of("*/ * * * *").find("step") != std::string::npos);
    CHECK(fault_of("5-1 * * * *").find("two ranges") != std::string::npos);
    for (const auto* text : {"1, * * * *", ",1 * * * *", "1--2 * * * *", "-1 * * * *", "1-2-3 * * * *", "+1 * * * *",
                             "1.5 * * * *", "99999999999 * * * *", "*-5 * * * *", "** * * * *", "JAN * * * *"})
        CHECK(fault_of(text).starts_with("minute"));
    CHECK(fault_of(std::string(100'000, '*')).find("500") != std::string::npos);
}

TEST_CASE("cron: the first minute within a time is found, and none where none fits") {
    const auto expression = parsed("0 12 29 2 *");
    CHECK(expression.first_within(at(1, 1), at(12, 31)) == std::nullopt);
    CHECK(parsed("5 * * * *").first_within(at(1, 1, 3, 6), at(2, 1)) == at(1, 1, 4, 5));
    CHECK(parsed("5 * * * *").first_within(at(1, 1, 3, 5), at(2, 1)) == at(1, 1, 3, 5));
    CHECK(parsed("5 * * * *").first_within(at(1, 1, 3, 6), at(1, 1, 4, 5)) == std::nullopt);
}

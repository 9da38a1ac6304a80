/// @file  Firings at changes of the clock: cases by hand, and all of them against a walk through every minute, which
/// asks the C library for local time and knows nothing of the schedule's own zones.

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/cron_schedule.hpp"

using namespace oiab::core;
using namespace std::chrono_literals;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

CronSchedule schedule(std::string_view expression, std::string_view zone) {
    const auto made = CronSchedule::make(expression, zone);
    INFO(expression << " in " << zone << ": " << (made ? "" : made.error()));
    REQUIRE(made.has_value());
    return *made;
}

WallTime utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
    return WallTime{std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}} +
                    std::chrono::hours{hour} + minutes{minute}};
}

std::vector<WallTime> firings(const CronSchedule& schedule, WallTime from, WallTime until) {
    std::vector<WallTime> times;
    // `from` itself counts.
    for (auto next = schedule.next_after(from - 1s); next && *next < until; next = schedule.next_after(*next))
        times.push_back(*next);
    return times;
}

/// Sets TZ for the C library while it lives. The test program is single-threaded here.
class LocalZone {
public:
    explicit LocalZone(const std::string& zone) {
        ::setenv("TZ", (":" + zone).c_str(), 1);
        ::tzset();
    }
    LocalZone(const LocalZone&) = delete;
    LocalZone& operator=(const LocalZone&) = delete;
    ~LocalZone() {
        ::unsetenv("TZ");
        ::tzset();
    }
    [[nodiscard]] static LocalMinute local(WallTime at) {
        const std::time_t time = std::chrono::system_clock::to_time_t(at);
        std::tm tm{};
        ::localtime_r(&time, &tm);
        return LocalMinute{std::chrono::floor<minutes>(seconds{time + tm.tm_gmtoff})};
    }
};

/// The rules as docs/triggers.md words them, minute for minute.
std::vector<WallTime> walk(const CronExpression& expression, WallTime from, WallTime until) {
    std::vector<WallTime> times;
    // The clock's highest reading so far; whatever is not above it is shown a second time.
    auto highest = LocalZone::local(from - 1min);
    for (auto back = from - 48h; back < from; back += 1min) highest = std::max(highest, LocalZone::local(back));
    for (auto at = from; at < until; at += 1min) {
        const auto now = LocalZone::local(at);
        bool fires = expression.matches(now) && (expression.is_interval() || now > highest);
        if (!expression.is_interval()) {
            for (auto skipped = highest + 1min; skipped < now; skipped += 1min) fires |= expression.matches(skipped);
        }
        highest = std::max(highest, now);
        if (fires) times.push_back(at);
    }
    return times;
}

std::string random_field(std::mt19937& random, int least, int most) {
    const auto pick = [&](int from, int to) { return std::uniform_int_distribution{from, to}(random); };
    const auto value = [&] { return std::to_string(pick(least, most)); };
    switch (pick(0, 7)) {
        case 0: return "*";
        case 1: return "?";
        case 2: return "*/" + std::to_string(pick(1, most));
        case 3: return value() + "," + value();
        case 4: return value() + "/" + std::to_string(pick(1, 9));
        case 5: {
            const int first = pick(least, most);
            return std::to_string(first) + "-" + std::to_string(pick(first, most));
        }
        default: return value();
    }
}

struct Change {
    const char* zone;
    WallTime near;
};

}  // namespace

TEST_CASE("schedule: a fixed time that the clock skips fires once, at the first instant after") {
    // Berlin, 29 March 2026: 01:59:59 CET is followed by 03:00:00 CEST, which is 01:00 UTC.
    const auto from = utc(2026, 3, 28, 12), until = utc(2026, 3, 30);
    CHECK(firings(schedule("30 2 * * *", "Europe/Berlin"), from, until) == std::vector{utc(2026, 3, 29, 1, 0)});
    CHECK(firings(schedule("0,30 2 * * *", "Europe/Berlin"), from, until) == std::vector{utc(2026, 3, 29, 1, 0)});
    CHECK(firings(schedule("30 2,3 * * *", "Europe/Berlin"), from, until) ==
          std::vector{utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 30)});
    CHECK(firings(schedule("0 2,3 * * *", "Europe/Berlin"), from, until) == std::vector{utc(2026, 3, 29, 1, 0)});
    // From within the second before the change, too.
    CHECK(schedule("30 2 * * *", "Europe/Berlin").next_after(utc(2026, 3, 29, 1) - 500ms) == utc(2026, 3, 29, 1));
    CHECK(schedule("30 2 * * *", "Europe/Berlin").next_after(utc(2026, 3, 29, 1)) == utc(2026, 3, 30, 0, 30));
}

TEST_CASE("schedule: a fixed time that the clock repeats fires the first time only") {
    // Berlin, 25 October 2026: 02:00 to 03:00 comes at 00:00 and again at 01:00 UTC.
    const auto from = utc(2026, 10, 24, 12), until = utc(2026, 10, 26);
    CHECK(firings(schedule("30 2 * * *", "Europe/Berlin"), from, until) == std::vector{utc(2026, 10, 25, 0, 30)});
    CHECK(schedule("30 2 * * *", "Europe/Berlin").next_after(utc(2026, 10, 25, 0, 45)) == utc(2026, 10, 26, 1, 30));
}

TEST_CASE("schedule: an expression with a star for minute or hour goes by elapsed time") {
    CHECK(firings(schedule("*/30 * * * *", "Europe/Berlin"), utc(2026, 3, 29, 0), utc(2026, 3, 29, 2)) ==
          std::vector{utc(2026, 3, 29, 0), utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 30)});
    CHECK(firings(schedule("@hourly", "Europe/Berlin"), utc(2026, 10, 24, 23), utc(2026, 10, 25, 3)) ==
          std::vector{utc(2026, 10, 24, 23), utc(2026, 10, 25, 0), utc(2026, 10, 25, 1), utc(2026, 10, 25, 2)});
    // 02:15 is skipped and not made up for.
    CHECK(firings(schedule("15 * * * *", "Europe/Berlin"), utc(2026, 3, 29, 0), utc(2026, 3, 29, 2)) ==
          std::vector{utc(2026, 3, 29, 0, 15), utc(2026, 3, 29, 1, 15)});
}

TEST_CASE("schedule: half hours, and clocks that change at midnight") {
    // Lord Howe turns its clock by half an hour: 4 October 2026, 02:00 becomes 02:30 at 15:30 UTC of the day before.
    CHECK(firings(schedule("15 2 * * *", "Australia/Lord_Howe"), utc(2026, 10, 3, 12), utc(2026, 10, 4, 12)) ==
          std::vector{utc(2026, 10, 3, 15, 30)});
    // Nepal is 5:45 ahead.
    CHECK(schedule("0 9 * * *", "Asia/Kathmandu").next_after(utc(2026, 1, 1)) == utc(2026, 1, 1, 3, 15));
    // In Beirut the day of the change has no midnight: 29 March 2026 begins at 01:00.
    CHECK(firings(schedule("@daily", "Asia/Beirut"), utc(2026, 3, 28, 12), utc(2026, 3, 29, 12)) ==
          std::vector{utc(2026, 3, 28, 22)});
    // Samoa went without 30 December 2011.
    CHECK(firings(schedule("0 12 30 12 *", "Pacific/Apia"), utc(2011, 12, 28), utc(2012, 1, 5)) ==
          std::vector{utc(2011, 12, 30, 10)});
}

TEST_CASE("schedule: an instant is told as the zone's clock shows it") {
    CHECK(schedule("* * * * *", "Europe/Berlin").local_text(utc(2026, 3, 29, 1)) == "2026-03-29T03:00:00+02:00");
    CHECK(schedule("* * * * *", "Asia/Kathmandu").local_text(utc(2026, 3, 29, 1)) == "2026-03-29T06:45:00+05:45");
}

TEST_CASE("schedule: leap days, however far") {
    const auto leap = schedule("0 0 29 2 *", "UTC");
    CHECK(leap.next_after(utc(2026, 11, 22)) == utc(2028, 2, 29));
    CHECK(leap.next_after(utc(2028, 2, 29)) == utc(2032, 2, 29));
    CHECK(leap.next_after(utc(2096, 2, 29)) == utc(2104, 2, 29));
}

TEST_CASE("schedule: what never fires says so") {
    for (const auto* text : {"0 0 30 2 *", "0 0 31 4,6,9,11 *"}) {
        const auto next = schedule(text, "Europe/Berlin").next_after(utc(2026, 1, 1));
        REQUIRE_FALSE(next.has_value());
        CHECK(next.error().find("never fires") != std::string::npos);
    }
}

TEST_CASE("schedule: a time zone that is none is refused, whatever path it spells") {
    for (const std::string zone :
         {"", "Berlin", "Europe/berlin", "../../etc/passwd", "/usr/share/zoneinfo/UTC", "Europe/", "Europe//Berlin",
          "file:UTC", "CET-1CEST", "tzdata.zi", "Europe", "Europe/Berlin\n", "zone.tab"}) {
        const auto made = CronSchedule::make("* * * * *", zone);
        INFO(zone);
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().starts_with("there is no time zone"));
    }
    CHECK_FALSE(CronSchedule::make("* * * * *", std::string(10'000, 'a')).has_value());
    CHECK(CronSchedule::make("* * * * *", "UTC").has_value());
    CHECK(CronSchedule::make("* * * * *", "America/Argentina/Buenos_Aires").has_value());
}

TEST_CASE("schedule: random expressions fire when a walk through every minute says so") {
    const Change changes[] = {
        {"Europe/Berlin", utc(2026, 3, 29, 1)},       {"Europe/Berlin", utc(2026, 10, 25, 1)},
        {"America/New_York", utc(2026, 3, 8, 7)},     {"America/New_York", utc(2026, 11, 1, 6)},
        {"Australia/Lord_Howe", utc(2026, 4, 4, 15)}, {"Australia/Lord_Howe", utc(2026, 10, 3, 15)},
        {"Africa/Casablanca", utc(2026, 2, 15, 2)},   {"Africa/Casablanca", utc(2026, 3, 22, 2)},
        {"Asia/Kathmandu", utc(2026, 1, 1)},          {"UTC", utc(2028, 2, 29)},
        {"Asia/Beirut", utc(2026, 3, 28, 22)},        {"Pacific/Apia", utc(2011, 12, 30, 10)}};
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (const auto& change : changes) {
        const LocalZone zone{change.zone};
        // Random times of the change's own hours: most others never meet it.
        const auto hour = static_cast<int>(
            (LocalZone::local(change.near) - std::chrono::floor<std::chrono::days>(LocalZone::local(change.near))) /
            60min);
        for (int i = 0; i < 40; ++i) {
            const bool close = i % 2 == 0;
            const int low = close ? std::max(0, hour - 2) : 0, high = close ? std::min(23, hour + 1) : 23;
            const std::string text = random_field(random, 0, 59) + " " + random_field(random, low, high) + " " +
                                     (close ? "*" : random_field(random, 1, 31)) + " * " +
                                     (close ? "*" : random_field(random, 0, 7));
            const auto expression = CronExpression::parse(text);
            INFO(text << " in " << change.zone);
            REQUIRE(expression.has_value());
            const auto from = change.near - 50h, until = change.near + 50h;
            CHECK(firings(schedule(text, change.zone), from, until) == walk(*expression, from, until));
        }
    }
}

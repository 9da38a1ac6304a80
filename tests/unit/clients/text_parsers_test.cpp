#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <tuple>

#include "clients/retry_after.hpp"
#include "clients/sse.hpp"
#include "clients/utf8.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using oiab::core::WallTime;

namespace {

/// Every event as "event|id|data;".
std::string parsed(std::string_view text, std::size_t piece) {
    SseParser parser;
    std::vector<SseEvent> events;
    for (std::size_t at = 0; at < text.size(); at += piece) REQUIRE(parser.push(text.substr(at, piece), events));
    std::string out;
    for (const SseEvent& event : events) out += event.event + "|" + event.id + "|" + event.data + ";";
    return out;
}

const WallTime kNow = *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");

}  // namespace

TEST_CASE("sse: events come out whole however the bytes are cut") {
    const std::string text =
        "\xEF\xBB\xBF"
        "data: one\n\n"
        ": keep-alive\r\n\r\n"
        "event: note\r\nid: 7\r\ndata: a\r\ndata:b\r\n\r\n"
        "data\n\n"
        "retry: 10\rdata:  two \r\r"
        "unknown: x\n\n"
        "data: {\"emoji\":\"\xF0\x9F\x98\x80\"}\n\n"
        "data: cut off";
    const std::string wanted = "||one;note|7|a\nb;|7|;|7| two ;|7|{\"emoji\":\"\xF0\x9F\x98\x80\"};";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) CHECK(parsed(text, piece) == wanted);
}

TEST_CASE("sse: an event without end is refused once it passes the bound") {
    SseParser parser{1000};
    std::vector<SseEvent> events;
    CHECK(parser.push("data: " + std::string(900, 'x') + "\n", events));
    CHECK_FALSE(parser.push("data: " + std::string(200, 'x') + "\n", events));
    SseParser one_line{1000};
    CHECK_FALSE(one_line.push(std::string(2000, 'x'), events));
    CHECK(events.empty());
}

TEST_CASE("retry-after: seconds, fractions and all three forms of a date are understood") {
    CHECK(parse_retry_after("120", kNow) == 120s);
    CHECK(parse_retry_after(" 0 ", kNow) == 0s);
    CHECK(parse_retry_after("1.5", kNow) == 1500ms);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", kNow) == 30s);
    CHECK(parse_retry_after("Sunday, 06-Nov-94 08:50:07 GMT", kNow) == 30s);
    CHECK(parse_retry_after("Sun Nov  6 08:50:07 1994", kNow) == 30s);
}

TEST_CASE("retry-after: a date in the past means now, and a month is cut to a week") {
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", kNow) == 0s);
    CHECK(parse_retry_after("2592000", kNow) == kLongestRetryAfter);
    CHECK(parse_retry_after("99999999999999999999", kNow) == kLongestRetryAfter);
    CHECK(parse_retry_after("Sun, 06 Nov 9994 08:00:00 GMT", kNow) == kLongestRetryAfter);
}

TEST_CASE("retry-after: anything else is ignored") {
    for (const char* text : {"", "-5", "soon", "12 apples", "Sun, 31 Feb 1994 08:00:00 GMT",
                             "Sun, 06 Nov 1994 25:00:00 GMT", "Sun, 06 Abc 1994 08:00:00 GMT", "nan", "inf"}) {
        CHECK_FALSE(parse_retry_after(text, kNow));
    }
}

TEST_CASE("retry-after: a date is measured against the peer's own clock") {
    HttpHead head;
    head.headers = {{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}, {"date", "Sun, 06 Nov 1994 08:50:02 GMT"}};
    CHECK(find_retry_after(head, kNow) == 5s);
    head.headers = {{"retry-after", "7"}, {"retry-after-ms", "250"}};
    CHECK(find_retry_after(head, kNow) == 250ms);
    CHECK_FALSE(find_retry_after(HttpHead{}, kNow));
}

TEST_CASE("utf8: what is well-formed stays, what is not is marked") {
    const std::string mark = "\xEF\xBF\xBD";
    const std::string good = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z";
    CHECK(to_valid_utf8(good) == good);
    for (const auto& [bad, wanted] : std::initializer_list<std::pair<std::string, std::string>>{
             {"a\xFFz", "a" + mark + "z"},
             {"a\xC3", "a" + mark},
             {"\xC0\xAF", mark},             // overlong
             {"\xED\xA0\x80!", mark + "!"},  // a surrogate
             {"\xF4\x90\x80\x80", mark},     // beyond the last code point
             {std::string("a\0b", 3), "a" + mark + "b"}}) {
        CHECK(to_valid_utf8(bad) == wanted);
        CHECK(nlohmann::json(to_valid_utf8(bad)).dump().size() > 2);
    }
}

TEST_CASE("utf8: shortening never cuts a character in two") {
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("abcd", 3) == "abc…");
    CHECK(shortened("ab\xE2\x82\xAC", 3) == "ab…");
}

TEST_CASE("retry-after: durations of rate limits are understood in both spellings") {
    CHECK(parse_reset_time("6m0s") == 6min);
    CHECK(parse_reset_time("0h42m") == 42min);
    CHECK(parse_reset_time("1h2m") == kLongestRetryAfter);
    CHECK(parse_reset_time("1.5s") == 1500ms);
    CHECK(parse_reset_time("20ms") == 20ms);
    CHECK(parse_reset_time("55") == 55s);
    for (const char* text : {"", "s", "-1s", "1x", "1m2", "soon", "nan", "1e300s"}) CHECK_FALSE(parse_reset_time(text));
}

TEST_CASE("retry-after: milliseconds come before seconds, and rate limit headers only count on a 429") {
    HttpHead head{429, {{"retry-after", "3"}, {"x-ms-retry-after-ms", "2500"}}};
    CHECK(find_retry_after(head, kNow) == 2500ms);
    head.headers = {{"x-ratelimit-remaining-requests", "5"},
                    {"x-ratelimit-reset-requests", "9s"},
                    {"x-ratelimit-remaining-tokens", "0"},
                    {"x-ratelimit-reset-tokens", "6m0s"}};
    CHECK(find_retry_after(head, kNow) == 6min);
    head.headers = {{"x-rate-limit-reset-tokens", "55"}};
    CHECK(find_retry_after(head, kNow) == 55s);
    head.status = 500;
    CHECK_FALSE(find_retry_after(head, kNow));
}

TEST_CASE("retry-after: sentences that ask for it are understood") {
    CHECK(find_retry_after_in("You exceeded the limit. Please retry after 45 seconds. See the page.") == 45s);
    CHECK(find_retry_after_in("Rate limit reached. Please try again in 1.2s. Visit us.") == 1200ms);
    CHECK(find_retry_after_in("Please try again in 6m0s.") == 6min);
    CHECK(find_retry_after_in("Please try again in 2 minutes") == 2min);
    for (const char* text : {"", "try again in a while", "retry after ", "please retry"}) {
        CHECK_FALSE(find_retry_after_in(text));
    }
}

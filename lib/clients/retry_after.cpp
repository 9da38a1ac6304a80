#include "clients/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace oiab::clients {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const auto begin = text.find_first_not_of(" ,-");
        if (begin == std::string_view::npos) return words;
        const auto end = std::min(text.find_first_of(" ,-", begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text) {
    if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
    const auto hour = parse_number<int>(text.substr(0, 2));
    const auto minute = parse_number<int>(text.substr(3, 2));
    const auto second = parse_number<int>(text.substr(6, 2));
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

std::optional<core::WallTime> make_time(std::string_view day, std::string_view month, std::string_view year,
                                        std::string_view time) {
    const auto day_number = parse_number<unsigned>(day);
    auto year_number = parse_number<int>(year);
    const auto month_found = std::find(kMonths.begin(), kMonths.end(), month);
    const auto time_of_day = parse_time_of_day(time);
    if (!day_number || !year_number || month_found == kMonths.end() || !time_of_day) return std::nullopt;
    // Two digits come from the RFC 850 form, which nobody has written since the last century for dates before 1970.
    if (year.size() == 2) *year_number += *year_number < 70 ? 2000 : 1900;
    const auto month_number = static_cast<unsigned>(month_found - kMonths.begin()) + 1;
    const std::chrono::year_month_day date{std::chrono::year{*year_number}, std::chrono::month{month_number},
                                           std::chrono::day{*day_number}};
    if (!date.ok()) return std::nullopt;
    return core::WallTime{std::chrono::sys_days{date}} + *time_of_day;
}

std::chrono::milliseconds bounded(std::chrono::milliseconds wait) {
    return std::clamp<std::chrono::milliseconds>(wait, std::chrono::milliseconds::zero(), kLongestRetryAfter);
}

}  // namespace

std::optional<core::WallTime> parse_http_date(std::string_view value) {
    const auto words = words_of(value);
    if (words.size() == 6 && words[5] == "GMT") return make_time(words[1], words[2], words[3], words[4]);
    if (words.size() == 5) return make_time(words[2], words[1], words[4], words[3]);
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, core::WallTime now) {
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    if (!value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        if (value.size() > 9) return kLongestRetryAfter;
        return bounded(std::chrono::seconds{*parse_number<std::int64_t>(value)});
    }
    if (const auto seconds = parse_number<double>(value); seconds && *seconds >= 0 && *seconds < 1e9) {
        return bounded(std::chrono::milliseconds{static_cast<std::int64_t>(*seconds * 1000)});
    }
    if (const auto at = parse_http_date(value)) {
        return bounded(std::chrono::ceil<std::chrono::milliseconds>(*at - now));
    }
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_reset_time(std::string_view value) {
    double total_ms = 0;
    bool any = false;
    while (!value.empty()) {
        double number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || !(number >= 0) || number > 1e9) return std::nullopt;
        value.remove_prefix(static_cast<std::size_t>(end - value.data()));
        const auto unit_length = std::min(value.find_first_of("0123456789."), value.size());
        const std::string_view unit = value.substr(0, unit_length);
        if (unit == "ms") total_ms += number;
        else if (unit == "s" || (unit.empty() && !any)) total_ms += number * 1e3;
        else if (unit == "m") total_ms += number * 6e4;
        else if (unit == "h") total_ms += number * 3.6e6;
        else return std::nullopt;
        value.remove_prefix(unit_length);
        any = true;
    }
    if (!any) return std::nullopt;
    return bounded(std::chrono::milliseconds{static_cast<std::int64_t>(std::min(total_ms, 1e12))});
}

std::optional<std::chrono::milliseconds> find_retry_after(const HttpHead& head, core::WallTime now) {
    for (const char* name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
        const auto text = head.find_header(name);
        const auto wait = text ? parse_number<double>(*text) : std::nullopt;
        if (wait && *wait >= 0 && *wait < 1e12) {
            return bounded(std::chrono::milliseconds{static_cast<std::int64_t>(*wait)});
        }
    }
    if (const auto text = head.find_header("retry-after")) {
        if (const auto date = head.find_header("date")) now = parse_http_date(*date).value_or(now);
        return parse_retry_after(*text, now);
    }
    if (head.status != 429) return std::nullopt;
    for (const char* what : {"requests", "tokens"}) {
        const std::string name{what};
        const auto left = head.find_header("x-ratelimit-remaining-" + name);
        auto reset = head.find_header("x-rate-limit-reset-" + name);  // Azure's spelling, sent only where it matters
        if (!reset && left == "0") reset = head.find_header("x-ratelimit-reset-" + name);
        if (const auto wait = reset ? parse_reset_time(*reset) : std::nullopt) return wait;
    }
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> find_retry_after_in(std::string_view message) {
    for (const std::string_view phrase : {"retry after ", "try again in "}) {
        const auto at = message.find(phrase);
        if (at == std::string_view::npos) continue;
        std::string_view rest = message.substr(at + phrase.size());
        const auto number_end = std::min(rest.find_first_not_of("0123456789.hms"), rest.size());
        std::string_view value = rest.substr(0, number_end);
        while (value.ends_with('.')) value.remove_suffix(1);
        rest.remove_prefix(number_end);
        const bool minutes = rest.starts_with(" minute");
        const auto wait = parse_reset_time(value);
        if (wait) return minutes ? bounded(*wait * 60) : *wait;
    }
    return std::nullopt;
}

}  // namespace oiab::clients

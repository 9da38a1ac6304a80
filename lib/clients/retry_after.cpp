#include "clients/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

std::optional<std::chrono::milliseconds> find_retry_after(const HttpHead& head, core::WallTime now) {
    if (const auto text = head.find_header("retry-after-ms")) {
        const auto wait = parse_number<double>(*text);
        if (wait && *wait >= 0 && *wait < 1e12)
            return bounded(std::chrono::milliseconds{static_cast<std::int64_t>(*wait)});
    }
    const auto text = head.find_header("retry-after");
    if (!text) return std::nullopt;
    if (const auto date = head.find_header("date")) now = parse_http_date(*date).value_or(now);
    return parse_retry_after(*text, now);
}

}  // namespace oiab::clients

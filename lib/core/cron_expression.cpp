#include "core/cron_expression.hpp"

#include <array>
#include <charconv>
#include <span>
#include <vector>

namespace oiab::core {
namespace {

using Wrong = std::unexpected<std::string>;

/// Longer than any expression that somebody wrote, short enough for every error text.
constexpr std::size_t kMaxLength = 500;

constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct FieldRule {
    std::string_view name;
    int least;
    int most;
    std::span<const std::string_view> names;  ///< the first one stands for `least`
};

constexpr std::array<FieldRule, 5> kFields{{{"minute", 0, 59, {}},
                                            {"hour", 0, 23, {}},
                                            {"day of month", 1, 31, {}},
                                            {"month", 1, 12, kMonths},
                                            {"day of week", 0, 7, kWeekdays}}};

struct Macro {
    std::string_view word;
    std::string_view meaning;
};

constexpr std::array<Macro, 7> kMacros{{{"@YEARLY", "0 0 1 1 *"},
                                        {"@ANNUALLY", "0 0 1 1 *"},
                                        {"@MONTHLY", "0 0 1 * *"},
                                        {"@WEEKLY", "0 0 * * 0"},
                                        {"@DAILY", "0 0 * * *"},
                                        {"@MIDNIGHT", "0 0 * * *"},
                                        {"@HOURLY", "0 * * * *"}}};

std::string upper(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool drop_empty) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find_first_of(separators, begin), text.size());
        if (end > begin || !drop_empty) parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::string about(const FieldRule& field, std::string_view item, std::string_view what) {
    return std::string{field.name} + " \"" + std::string{item} + "\" " + std::string{what};
}

std::optional<int> read_number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

std::optional<int> read_value(const FieldRule& field, std::string_view text) {
    for (std::size_t i = 0; i < field.names.size(); ++i) {
        if (text == field.names[i]) return field.least + static_cast<int>(i);
    }
    const auto value = read_number(text);
    return value && *value >= field.least && *value <= field.most ? value : std::nullopt;
}

std::string expected_values(const FieldRule& field) {
    std::string text = "must be " + std::to_string(field.least) + " to " + std::to_string(field.most);
    if (!field.names.empty()) {
        text += " or " + std::string{field.names.front()} + " to " + std::string{field.names.back()};
    }
    return text;
}

/// One item of a list: `*`, `5`, `1-5`, each with a step behind a slash.
std::expected<void, std::string> read_item(const FieldRule& field, std::string_view item, std::bitset<64>& values) {
    const auto slash = item.find('/');
    const auto range = item.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
        const auto number = read_number(item.substr(slash + 1));
        if (!number || *number < 1) return Wrong{about(field, item, "needs a step of 1 or more behind its slash")};
        step = *number;
    }
    int first = field.least;
    // 7 is a second name of Sunday, not a day of its own.
    int last = field.names.data() == kWeekdays.data() ? 6 : field.most;
    if (range != "*" && range != "?") {
        const auto dash = range.find('-');
        const auto from = read_value(field, range.substr(0, dash));
        auto to = dash != std::string_view::npos ? read_value(field, range.substr(dash + 1)) : from;
        if (!from || !to) return Wrong{about(field, item, expected_values(field))};
        // FRI-SUN ends with the week's last day; SUN-SUN is that day alone.
        if (range.ends_with("-SUN") && *from > 0) to = 7;
        if (*from > *to) return Wrong{about(field, item, "ends before it begins: write it as two ranges")};
        first = *from;
        // 5/10 is 5-59/10, and 7/2 is 0-6/2.
        if (dash != std::string_view::npos || slash == std::string_view::npos) last = *to;
        else if (first > last) first = field.least;
    }
    for (int value = first; value <= last; value = step > last - value ? last + 1 : value + step) {
        values.set(static_cast<std::size_t>(value));
    }
    return {};
}

std::expected<std::bitset<64>, std::string> read_field(const FieldRule& field, std::string_view text) {
    std::bitset<64> values;
    for (const auto item : split(text, ",", false)) {
        if (const auto read = read_item(field, item, values); !read) return Wrong{read.error()};
    }
    return values;
}

template <std::size_t Size>
void take(std::bitset<Size>& into, const std::bitset<64>& values) {
    for (std::size_t i = 0; i < Size; ++i) into[i] = values[i];
}

bool begins_with_star(std::string_view field) { return field.starts_with('*') || field.starts_with('?'); }

}  // namespace

std::expected<CronExpression, std::string> CronExpression::parse(std::string_view text) {
    if (text.size() > kMaxLength) return Wrong{"a cron expression has at most 500 characters"};
    const std::string capitals = upper(text);
    auto fields = split(capitals, " \t", true);
    if (fields.size() == 1 && fields.front().starts_with('@')) {
        const auto word = fields.front();
        fields.clear();
        for (const auto& macro : kMacros) {
            if (macro.word == word) fields = split(macro.meaning, " ", true);
        }
        if (fields.empty()) {
            return Wrong{"there is no \"" + std::string{text} +
                         "\"; there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"};
        }
    }
    if (fields.size() != kFields.size()) {
        return Wrong{"a cron expression has five fields (minute, hour, day of month, month, day of week), not " +
                     std::to_string(fields.size())};
    }
    std::array<std::bitset<64>, 5> values;
    for (std::size_t i = 0; i < kFields.size(); ++i) {
        const auto read = read_field(kFields[i], fields[i]);
        if (!read) return Wrong{read.error()};
        values[i] = *read;
    }
    CronExpression expression;
    take(expression.minutes_, values[0]);
    take(expression.hours_, values[1]);
    take(expression.days_, values[2]);
    take(expression.months_, values[3]);
    if (values[4][7]) values[4].set(0);
    take(expression.weekdays_, values[4]);
    expression.any_minute_or_hour_ = begins_with_star(fields[0]) || begins_with_star(fields[1]);
    expression.either_day_suffices_ = !begins_with_star(fields[2]) && !begins_with_star(fields[4]);
    return expression;
}

bool CronExpression::matches_day(std::chrono::local_days day) const {
    const std::chrono::year_month_day date{day};
    if (!months_[static_cast<unsigned>(date.month())]) return false;
    const bool in_days = days_[static_cast<unsigned>(date.day())];
    const bool in_weekdays = weekdays_[std::chrono::weekday{day}.c_encoding()];
    return either_day_suffices_ ? in_days || in_weekdays : in_days && in_weekdays;
}

bool CronExpression::matches(LocalMinute minute) const {
    const auto day = std::chrono::floor<std::chrono::days>(minute);
    const auto of_day = static_cast<std::size_t>((minute - day).count());
    return minutes_[of_day % 60] && hours_[of_day / 60] && matches_day(day);
}

std::optional<LocalMinute> CronExpression::first_within(LocalMinute from, LocalMinute until) const {
    using std::chrono::days;
    using std::chrono::hours;
    while (from < until) {
        const auto day = std::chrono::floor<days>(from);
        if (!matches_day(day)) {
            from = day + days{1};
            continue;
        }
        const auto hour = std::chrono::floor<hours>(from);
        if (!hours_[static_cast<std::size_t>((hour - day).count())]) {
            from = hour + hours{1};
            continue;
        }
        if (minutes_[static_cast<std::size_t>((from - hour).count())]) return from;
        from += std::chrono::minutes{1};
    }
    return std::nullopt;
}

}  // namespace oiab::core

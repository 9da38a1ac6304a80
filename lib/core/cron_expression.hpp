#pragma once
/// @file  A cron expression: which minutes of the calendar it names. Pure: it knows no time zone (see cron_schedule).
/// A value; any thread.

#include <bitset>
#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace oiab::core {

/// A minute as a clock on some wall shows it.
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

class CronExpression {
public:
    /// Reads five fields (minute, hour, day of month, month, day of week) or a word such as @hourly: numbers, names
    /// (JAN, MON), lists, ranges, steps, `*` and `?`. @returns one sentence about what is wrong, otherwise.
    [[nodiscard]] static std::expected<CronExpression, std::string> parse(std::string_view text);

    [[nodiscard]] bool matches(LocalMinute minute) const;
    /// The first minute it names from `from` on, before `until`.
    [[nodiscard]] std::optional<LocalMinute> first_within(LocalMinute from, LocalMinute until) const;

    /// Whether minute or hour begins with a star, so that it goes by elapsed time rather than by the clock on the wall:
    /// a changed clock neither makes up for its firings nor spares any.
    [[nodiscard]] bool is_interval() const noexcept { return any_minute_or_hour_; }

private:
    [[nodiscard]] bool matches_day(std::chrono::local_days day) const;

    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;
    std::bitset<13> months_;
    std::bitset<7> weekdays_;
    bool any_minute_or_hour_ = false;
    /// Cron's oldest rule: where both day fields are restricted, one of them suffices.
    bool either_day_suffices_ = false;
};

}  // namespace oiab::core

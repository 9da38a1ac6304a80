#pragma once
/// @file  When a cron expression fires, in a time zone whose clocks change. A value; any thread.

#include <expected>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/cron_expression.hpp"

namespace oiab::core {

/// The rules at a change of the clock (docs/triggers.md has them with examples), which are those of Vixie's cron:
/// fixed times that the clock skips fire once, at the first instant after; fixed times that it repeats fire the first
/// time only; an expression whose minute or hour begins with a star goes by elapsed time.
class CronSchedule {
public:
    /// @param time_zone  an IANA name such as Europe/Berlin; read from the system's tz database. May read a file.
    /// @returns one sentence about what is wrong, otherwise.
    [[nodiscard]] static std::expected<CronSchedule, std::string> make(std::string_view expression,
                                                                       std::string_view time_zone);

    /// The first firing later than `after`. @returns a sentence where there is none within nine years, the most that
    /// lies between two firings of anything that fires at all: 29 February, around 2100. May read a file.
    [[nodiscard]] std::expected<WallTime, std::string> next_after(WallTime after) const;

    /// What the clock of the time zone shows then: "2026-03-29T03:00:00+02:00". May read a file.
    [[nodiscard]] std::string local_text(WallTime at) const;

    [[nodiscard]] const std::string& time_zone() const noexcept { return zone_; }

private:
    CronSchedule(CronExpression expression, std::string zone)
        : expression_{std::move(expression)}, zone_{std::move(zone)} {}

    CronExpression expression_;
    std::string zone_;
};

/// Both in one: when `expression` fires next in that time zone, or what is wrong with either. May read a file.
[[nodiscard]] std::expected<WallTime, std::string> next_firing(std::string_view expression, std::string_view time_zone,
                                                               WallTime after);

}  // namespace oiab::core

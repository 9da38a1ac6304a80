#include "core/cron_schedule.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <cstdlib>
#include <filesystem>

namespace oiab::core {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Instant = std::chrono::time_point<std::chrono::system_clock, seconds>;
using LocalSecond = std::chrono::local_time<seconds>;

constexpr std::chrono::days kHorizon{9 * 366};

/// Letters, digits and what separates the parts of a zone's name: it becomes a path, and it comes from strangers.
bool is_zone_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() == '/' || name.back() == '/') return false;
    if (name.find("//") != std::string_view::npos) return false;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '/' && c != '_' && c != '-' && c != '+') return false;
    }
    return true;
}

/// The library remembers every name it was asked for, so it is asked only for what is there.
bool is_known(const std::string& name) {
    if (name == "UTC") return true;
    const char* const folder = std::getenv("TZDIR");
    std::error_code ignored;
    return std::filesystem::is_regular_file(
        std::filesystem::path{folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo"} / name, ignored);
}

LocalSecond local_of(const cctz::civil_second& civil) {
    return LocalSecond{seconds{civil - cctz::civil_second{1970, 1, 1}}};
}

cctz::civil_second civil_of(LocalMinute minute) {
    return cctz::civil_second{1970, 1, 1} + seconds{minute.time_since_epoch()}.count();
}

/// The time from an instant to the next change of the clock, in which local time runs evenly.
struct Stretch {
    LocalSecond begin;         ///< what the clock shows at the instant
    LocalSecond end;           ///< what it would show at the change
    LocalSecond continues_at;  ///< what it shows instead, from the change on
};

Stretch stretch_from(const cctz::time_zone& zone, Instant from, Instant horizon) {
    Stretch stretch;
    stretch.begin = local_of(zone.lookup(from).cs);
    cctz::time_zone::civil_transition change;
    if (zone.next_transition(from, &change)) {
        stretch.end = local_of(change.from);
        stretch.continues_at = local_of(change.to);
    } else {
        stretch.end = stretch.continues_at = stretch.begin + (horizon - from);
    }
    return stretch;
}

}  // namespace

std::expected<CronSchedule, std::string> CronSchedule::make(std::string_view expression, std::string_view time_zone) {
    auto parsed = CronExpression::parse(expression);
    if (!parsed) return std::unexpected{parsed.error()};
    std::string name{time_zone};
    cctz::time_zone zone;
    if (!is_zone_name(name) || !is_known(name) || !cctz::load_time_zone(name, &zone)) {
        return std::unexpected{"there is no time zone \"" + name.substr(0, 64) + "\" in this system's tz database"};
    }
    return CronSchedule{std::move(*parsed), std::move(name)};
}

std::string CronSchedule::local_text(WallTime at) const {
    cctz::time_zone zone;
    cctz::load_time_zone(zone_, &zone);
    return cctz::format("%Y-%m-%dT%H:%M:%S%Ez", std::chrono::floor<seconds>(at), zone);
}

std::expected<WallTime, std::string> CronSchedule::next_after(WallTime after) const {
    cctz::time_zone zone;
    if (!cctz::load_time_zone(zone_, &zone)) return std::unexpected{"the time zone " + zone_ + " cannot be read"};
    const auto ceiled = [](LocalSecond second) { return std::chrono::ceil<minutes>(second); };

    Instant at = std::chrono::floor<seconds>(after);
    const Instant horizon = at + kHorizon;
    while (at < horizon) {
        const Stretch stretch = stretch_from(zone, at, horizon);
        auto from = ceiled(stretch.begin);
        while (const auto match = expression_.first_within(from, ceiled(stretch.end))) {
            const Instant fires = at + (LocalSecond{*match} - stretch.begin);
            const auto times = zone.lookup(civil_of(*match));
            // Of a time that the clock shows twice, fixed times take the first.
            const bool again = times.kind == cctz::time_zone::civil_lookup::REPEATED && fires > times.pre;
            if (fires > after && (!again || expression_.is_interval())) return WallTime{fires};
            from = *match + minutes{1};
        }
        at += stretch.end - stretch.begin;
        const bool skipped = expression_.first_within(ceiled(stretch.end), ceiled(stretch.continues_at)).has_value();
        if (skipped && !expression_.is_interval()) return WallTime{at};
    }
    return std::unexpected{"the cron expression never fires: no day of the calendar fits"};
}

std::expected<WallTime, std::string> next_firing(std::string_view expression, std::string_view time_zone,
                                                 WallTime after) {
    const auto schedule = CronSchedule::make(expression, time_zone);
    if (!schedule) return std::unexpected{schedule.error()};
    return schedule->next_after(after);
}

}  // namespace oiab::core

#pragma once
/// @file  How long a peer asks to be left alone (RFC 9110, section 10.2.3). Any thread.

#include <chrono>
#include <optional>
#include <string_view>

#include "clients/http.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// Longer requests are taken for this long: nobody means a month, and a job's backoff has its own cap.
inline constexpr std::chrono::hours kLongestRetryAfter{24 * 7};

/// Reads a number of seconds or one of the three forms of an HTTP date.
/// @param now  what a date is measured against; a date in the past means no wait
/// @returns nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, core::WallTime now);

/// An HTTP date (IMF-fixdate, RFC 850 or asctime form).
[[nodiscard]] std::optional<core::WallTime> parse_http_date(std::string_view value);

/// What the answer's head asks for: `retry-after-ms`, or `retry-after`, whose date is measured against the answer's own
/// `date` where it has one, so that a peer with a wrong clock is still understood.
[[nodiscard]] std::optional<std::chrono::milliseconds> find_retry_after(const HttpHead& head, core::WallTime now);

}  // namespace oiab::clients

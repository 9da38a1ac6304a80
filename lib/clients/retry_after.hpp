#pragma once
/// @file  How long a peer asks to be left alone (RFC 9110, section 10.2.3). Any thread.

#include <chrono>
#include <optional>
#include <string_view>

#include "clients/http.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// Longer requests are taken for this long, whether a circuit, a key or a job waits: one bogus header shall not silence
/// a provider for days. It may have recovered, and one call costs little.
inline constexpr std::chrono::hours kLongestRetryAfter{1};

/// Reads a number of seconds or one of the three forms of an HTTP date.
/// @param now  what a date is measured against; a date in the past means no wait
/// @returns nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, core::WallTime now);

/// An HTTP date (IMF-fixdate, RFC 850 or asctime form).
[[nodiscard]] std::optional<core::WallTime> parse_http_date(std::string_view value);

/// Reads a duration as OpenAI's headers have it: "6m0s", "1.5s", "20ms", "1h2m"; a bare number is seconds, as Azure
/// writes. @returns nullopt for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_reset_time(std::string_view value);

/// What the answer's head asks for: `retry-after-ms` (Azure also `x-ms-retry-after-ms`), or `retry-after`, whose date
/// is measured against the answer's own `date` where it has one, so that a peer with a wrong clock is still understood.
/// A 429 without these is read for when the limit that is used up is filled again (`x-ratelimit-reset-…`).
[[nodiscard]] std::optional<std::chrono::milliseconds> find_retry_after(const HttpHead& head, core::WallTime now);

/// What a message asks for in words: "Please retry after 45 seconds", "Please try again in 1.2s".
[[nodiscard]] std::optional<std::chrono::milliseconds> find_retry_after_in(std::string_view message);

}  // namespace oiab::clients

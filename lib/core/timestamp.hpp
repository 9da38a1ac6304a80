#pragma once
/// @file  Points in time as people write them. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace oiab::core {

/// "2026-01-31T12:00:00Z", also with a space for the T, without seconds, with a fraction, with an offset such as
/// +02:00; without any zone it is UTC. @returns nullopt for anything else.
[[nodiscard]] std::optional<WallTime> parse_timestamp(std::string_view text);

/// "2026-01-31T12:00:00Z", with six digits of a fraction where there is one.
[[nodiscard]] std::string format_timestamp(WallTime time);

}  // namespace oiab::core

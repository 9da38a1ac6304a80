#pragma once
/// @file  Points in time as people write them. Pure.

#include <optional>
#include <string_view>

#include "core/clock.hpp"

namespace oiab::daemon {

/// "2026-01-31T12:00:00Z", also with a space for the T, without seconds, with a fraction, with an offset such as
/// +02:00; without any zone it is UTC. @returns nullopt for anything else.
[[nodiscard]] std::optional<core::WallTime> parse_timestamp(std::string_view text);

}  // namespace oiab::daemon

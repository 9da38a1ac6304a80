#pragma once
/// @file  What somebody may have meant: the known name that is nearest to a mistyped one. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace oiab::config {

/// How many letters must be inserted, removed, changed or swapped with their neighbour to make one of the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// @returns nullopt where none is so near that it is likely meant (a third of the letters, at least two).
[[nodiscard]] std::optional<std::string_view> find_nearest(std::string_view mistyped,
                                                           std::span<const std::string_view> known);

/// "; did you mean lease?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view mistyped, std::span<const std::string_view> known);

}  // namespace oiab::config

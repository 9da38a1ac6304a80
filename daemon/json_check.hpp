#pragma once
/// @file  Whether text is JSON, told without quoting it: payloads may be confidential. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace oiab::daemon {

/// @returns where it goes wrong ("line 1, column 7"), or nullopt for JSON. Builds nothing, so any size will do.
[[nodiscard]] std::optional<std::string> find_json_mistake(std::string_view text);

}  // namespace oiab::daemon

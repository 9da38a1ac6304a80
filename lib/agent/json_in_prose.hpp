#pragma once
/// @file  Finds JSON in what a model answers: models wrap it in prose and fenced code, and prose has brackets of its
/// own. Pure; any thread.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace oiab::agent {

/// The end of the bracketed text that begins at `from`, one past its closing bracket; npos where it never closes.
[[nodiscard]] std::size_t find_closing_bracket(std::string_view text, std::size_t from);

/// The first JSON object in the text that has at least one member. Looks at a bounded number of opening brackets.
[[nodiscard]] std::optional<nlohmann::json> find_json_object(std::string_view text);

}  // namespace oiab::agent

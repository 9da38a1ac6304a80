#pragma once
/// @file  What providers send is not always text. Here it becomes UTF-8 that JSON and PostgreSQL accept; for text that
/// is JSON itself see core/json_text.hpp. Any thread.

#include <string>
#include <string_view>

namespace oiab::clients {

/// The text with every malformed sequence, surrogate and NUL replaced by U+FFFD. Valid text comes back unchanged.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

/// The first `bytes` of valid UTF-8 text, cut at a character and ending in "…" where something was cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes);

}  // namespace oiab::clients

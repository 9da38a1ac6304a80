#pragma once
/// @file  What is written for others to read is UTF-8, whatever bytes came in. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace oiab::observe {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  ///< U+FFFD

/// Length of the well-formed sequence at `at`, which is inside of the text; 0 where there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text, std::size_t at);

/// The text with each byte that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

}  // namespace oiab::observe

#pragma once
/// @file  What providers send is not always text. Here it becomes UTF-8 that JSON and PostgreSQL accept. Any thread.

#include <string>
#include <string_view>

namespace oiab::clients {

/// The text with every malformed sequence, surrogate and NUL replaced by U+FFFD. Valid text comes back unchanged.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

/// The JSON text with escaped lone surrogates ("\ud83d" without its partner) and escaped NULs replaced by U+FFFD: some
/// providers cut an emoji in two between two pieces of a stream, and strict parsers and PostgreSQL refuse these.
[[nodiscard]] std::string with_storable_escapes(std::string_view json);

/// The first `bytes` of valid UTF-8 text, cut at a character and ending in "…" where something was cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes);

}  // namespace oiab::clients

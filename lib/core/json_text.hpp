#pragma once
/// @file  JSON text from strangers and for the database: programs, endpoints, providers and models send what they like.
/// Pure; any thread.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace oiab::core {

/// Arrays and objects inside of each other. Copying and writing a value recurse, so that without a bound a text of
/// brackets overflows the stack; honest values have a few dozen levels, and a stack has room for many thousands.
inline constexpr std::size_t kMaxJsonDepth = 512;

/// Parses text of foreign making without recursion and without exceptions.
/// @returns a discarded value where it is not JSON, or is nested deeper than kMaxJsonDepth.
[[nodiscard]] nlohmann::json parse_foreign_json(std::string_view text);

/// The JSON text with escaped lone surrogates ("\ud83d" without its partner) and escaped NULs replaced by U+FFFD: some
/// providers cut an emoji in two between two pieces of a stream, and strict parsers and PostgreSQL refuse these.
[[nodiscard]] std::string with_storable_escapes(std::string_view json);

/// The value as JSON text that jsonb accepts, whatever strings it holds: malformed UTF-8, lone surrogates and NUL
/// become U+FFFD.
[[nodiscard]] std::string storable_json(const nlohmann::json& value);

}  // namespace oiab::core

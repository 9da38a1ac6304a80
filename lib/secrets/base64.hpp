#pragma once
/// @file  Base64 (RFC 4648), strictly. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "secrets/secret_text.hpp"

namespace oiab::secrets {

/// With padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Reads the standard alphabet and the one for URLs, with padding or without it. @returns nullopt for anything else:
/// a blank, a stray character, a length that no encoding has, bits that should be zero and are not.
[[nodiscard]] std::optional<SecretText> read_base64(std::string_view text);

/// Reads pairs of hexadecimal digits of either case. @returns nullopt for anything else
[[nodiscard]] std::optional<SecretText> read_hex(std::string_view text);

}  // namespace oiab::secrets

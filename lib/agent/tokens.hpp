#pragma once
/// @file  A guess at how many tokens a text is, for bounds that need no exactness. Pure; any thread.

#include <cstdint>
#include <string_view>

namespace oiab::agent {

/// Four ASCII bytes a token and two tokens for three other characters: byte-pair vocabularies in use stay near or below
/// that for English and for most other scripts, so a bound held by this guess is seldom passed by the model's count.
[[nodiscard]] std::int64_t estimate_tokens(std::string_view text) noexcept;

/// The longest prefix of `text` that is estimated at no more than `tokens`, cut between characters.
[[nodiscard]] std::string_view cut_to_tokens(std::string_view text, std::int64_t tokens) noexcept;

}  // namespace oiab::agent

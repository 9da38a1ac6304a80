#pragma once
/// @file  How the offline model and embedder look at text: words and their likeness, no meaning. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::clients {

/// The words of a text in lower case, without possessive and plural endings, so that "memories'" and "memory" meet.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

/// Whether the word carries little of a text's subject ("the", "what").
[[nodiscard]] bool is_common_word(std::string_view word) noexcept;

/// Cosine of two unit vectors.
[[nodiscard]] double likeness(const std::vector<float>& left, const std::vector<float>& right) noexcept;

/// A stable hash of text, for ids that must come out the same on every run.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text) noexcept;

/// A rough count of tokens: four bytes each, as English averages.
[[nodiscard]] std::int64_t estimated_tokens(std::string_view text) noexcept;

}  // namespace oiab::clients

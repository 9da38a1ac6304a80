#pragma once
/// @file  A text as a vector that is near the vectors of texts with the same words. Likeness of words, not of meaning:
/// a synonym is a stranger. Any thread.

#include <string_view>
#include <vector>

namespace oiab::clients {

/// A unit vector of kEmbeddingDimensions made of the text's words, their stems and the trigrams of their letters; all
/// zeros for a text without any word. The same to the last bit on every platform: everything but the last square root
/// and division is integer arithmetic.
[[nodiscard]] std::vector<float> lexical_vector(std::string_view text);

}  // namespace oiab::clients

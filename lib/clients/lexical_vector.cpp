#include "clients/lexical_vector.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "clients/embeddings.hpp"
#include "clients/offline_text.hpp"

namespace oiab::clients {
namespace {

// Weights of one occurrence, squared, as measured best on tests/data/proverbs.tsv (see docs/memory.md): a shared word
// says more than shared letters, a common word next to nothing. No weights by rarity: the collection that they would be
// counted in changes all the time, and two vectors of one text must be the same.
constexpr double kWordWeight = 1.0;
constexpr double kCommonWordWeight = 0.01;
constexpr double kTrigramWeight = 0.35;
/// Integers instead of fractions, with enough room for sums: three decimal digits each.
constexpr double kFixedPoint = 1024;

/// A Hadamard transform needs a power of two; the three blocks of 512 are mixed by a 3 × 3 matrix.
constexpr std::size_t kBlock = 512;
static_assert(kEmbeddingDimensions == 3 * kBlock);

/// The stem of a word without its plural, by a handful of English endings. What it gets wrong it gets wrong alike in
/// texts and questions.
std::string stem_of(std::string word) {
    for (const std::string_view ending : {"ing", "ed", "er", "est", "ly", "ness", "ful", "ity", "ion", "ive"}) {
        if (!word.ends_with(ending) || word.size() - ending.size() < 4) continue;
        word.resize(word.size() - ending.size());
        const char last = word.back();
        const bool doubled = last == word[word.size() - 2];  // "hopped", not "told" or "pressed"
        if (doubled && last != 'l' && last != 's' && last != 'z') word.pop_back();
        break;
    }
    if (word.size() > 3 && word.ends_with('e')) word.pop_back();
    if (word.size() > 3 && word.ends_with('i')) word.back() = 'y';
    return word;
}

/// How much there is of each feature, squared.
std::map<std::string, double> features_of(std::string_view text) {
    std::map<std::string, double> features;
    for (const std::string& word : words_of(text)) {
        const bool common = is_common_word(word);
        features[stem_of(word)] += common ? kCommonWordWeight : kWordWeight;
        if (common) continue;
        const std::string framed = "^" + word + "$";
        for (std::size_t i = 0; i + 3 <= framed.size(); ++i) features["#" + framed.substr(i, 3)] += kTrigramWeight;
    }
    return features;
}

using Sums = std::array<std::int64_t, kEmbeddingDimensions>;

void hadamard(std::span<std::int64_t> block) {
    for (std::size_t half = 1; half < block.size(); half *= 2) {
        for (std::size_t i = 0; i < block.size(); i += 2 * half) {
            for (std::size_t j = i; j < i + half; ++j) {
                const std::int64_t left = block[j];
                const std::int64_t right = block[j + half];
                block[j] = left + right;
                block[j + half] = left - right;
            }
        }
    }
}

/// Turns the space, so that what was in a few places is spread over all of them. Cosines stay as they are, and the
/// signs alone then tell nearly as much as the numbers, which the first stage of recall relies on.
void rotate(Sums& sums) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
        if ((stable_hash(std::to_string(i)) & 1U) != 0) sums[i] = -sums[i];
    }
    for (std::size_t block = 0; block < 3; ++block) hadamard(std::span{sums}.subspan(block * kBlock, kBlock));
    for (std::size_t i = 0; i < kBlock; ++i) {
        const std::int64_t a = sums[i];
        const std::int64_t b = sums[kBlock + i];
        const std::int64_t c = sums[2 * kBlock + i];
        // Three times an orthogonal matrix.
        sums[i] = 2 * a + 2 * b - c;
        sums[kBlock + i] = -a + 2 * b + 2 * c;
        sums[2 * kBlock + i] = 2 * a - b + 2 * c;
    }
}

}  // namespace

std::vector<float> lexical_vector(std::string_view text) {
    Sums sums{};
    for (const auto& [feature, square] : features_of(text)) {
        const std::uint64_t hash = stable_hash(feature);
        const auto weight = static_cast<std::int64_t>(std::lround(std::sqrt(square) * kFixedPoint));
        // The sign keeps collisions from always pulling two texts together.
        sums.at(hash % sums.size()) += (hash >> 63U) == 0 ? weight : -weight;
    }
    rotate(sums);
    std::uint64_t square = 0;
    for (const std::int64_t sum : sums) square += static_cast<std::uint64_t>(sum * sum);
    std::vector<float> vector(sums.size(), 0.0F);
    if (square == 0) return vector;
    const double length = std::sqrt(static_cast<double>(square));
    std::ranges::transform(sums, vector.begin(),
                           [&](std::int64_t sum) { return static_cast<float>(static_cast<double>(sum) / length); });
    return vector;
}

}  // namespace oiab::clients

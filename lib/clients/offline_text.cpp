#include "clients/offline_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "clients/embeddings.hpp"

namespace oiab::clients {
namespace {

constexpr std::array<std::string_view, 84> kCommonWords = {
    "a",      "about", "all",   "am",    "an",    "and",  "any",  "are",   "as",    "at",     "be",    "been",
    "but",    "by",    "can",   "could", "did",   "do",   "doe",  "for",   "from",  "had",    "ha",    "have",
    "he",     "her",   "hi",    "him",   "how",   "i",    "if",   "in",    "into",  "is",     "it",    "its",
    "like",   "me",    "my",    "no",    "not",   "of",   "on",   "or",    "our",   "please", "say",   "she",
    "should", "so",    "some",  "tell",  "than",  "that", "the",  "their", "them",  "then",   "there", "these",
    "they",   "thi",   "to",    "too",   "us",    "use",  "user", "very",  "wa",    "we",     "were",  "what",
    "when",   "where", "which", "who",   "whose", "why",  "will", "with",  "would", "you",    "your",  "yes"};

bool is_letter(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// English plurals and possessives, crudely: "teas" and "tea", "memories" and "memory".
std::string without_plural(std::string word) {
    if (word.size() > 4 && word.ends_with("ies")) return word.substr(0, word.size() - 3) + "y";
    if (word.size() > 2 && word.ends_with("s") && !word.ends_with("ss")) word.pop_back();
    return word;
}

/// General punctuation beyond ASCII (U+2000 to U+206F: quotes, dashes, dots) as a blank, the apostrophe as an ASCII
/// one.
std::string with_plain_punctuation(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool punctuation =
            text[i] == '\xE2' && i + 2 < text.size() && (text[i + 1] == '\x80' || text[i + 1] == '\x81');
        if (!punctuation) {
            out.push_back(text[i]);
            continue;
        }
        out.push_back(text[i + 1] == '\x80' && text[i + 2] == '\x99' ? '\'' : ' ');
        i += 2;
    }
    return out;
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) noexcept {
    std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a, 64 bit
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    // FNV's high bits are weak for short texts; one round of murmur's finaliser mixes them.
    hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDU;
    return hash ^ (hash >> 33U);
}

std::vector<std::string> words_of(std::string_view raw) {
    const std::string text = with_plain_punctuation(raw);
    std::vector<std::string> words;
    std::string word;
    const auto take = [&] {
        if (!word.empty()) words.push_back(without_plural(std::move(word)));
        word.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_letter(c)) {
            word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
        } else if (c == '\'' && !word.empty() && i + 1 < text.size() && (text[i + 1] == 's' || text[i + 1] == 'S')) {
            ++i;  // a possessive: the owner is the word
        } else {
            take();
        }
    }
    take();
    return words;
}

bool is_common_word(std::string_view word) noexcept {
    return std::find(kCommonWords.begin(), kCommonWords.end(), word) != kCommonWords.end();
}

double likeness(const std::vector<float>& left, const std::vector<float>& right) noexcept {
    double product = 0;
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i)
        product += static_cast<double>(left[i]) * right[i];
    return product;
}

std::int64_t estimated_tokens(std::string_view text) noexcept {
    return static_cast<std::int64_t>((text.size() + 3) / 4);
}

}  // namespace oiab::clients

#include "queue/clean_text.hpp"

#include <cstdint>

namespace oiab::queue {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

/// How many bytes the well-formed character at the start of `text` takes; zero where there is none (RFC 3629, table 3-7
/// of the Unicode standard: no surrogates, no overlong forms, nothing above U+10FFFF).
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto follows = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const auto first = byte(0);
    if (first == 0) return 0;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t limit) {
    std::string clean;
    clean.reserve(text.size() < limit ? text.size() : limit);
    std::size_t cut = 0;  // where the ellipsis still fits behind
    while (!text.empty()) {
        const auto length = character_length(text);
        const auto piece = length == 0 ? kReplacement : text.substr(0, length);
        if (clean.size() + piece.size() > limit) {
            clean.resize(cut);
            return clean += kEllipsis;
        }
        clean += piece;
        if (clean.size() + kEllipsis.size() <= limit) cut = clean.size();
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return clean;
}

}  // namespace oiab::queue

#include "agent/tokens.hpp"

namespace oiab::agent {
namespace {

// In twelfths of a token, so that both kinds of character are whole numbers.
constexpr std::int64_t kUnit = 12;
constexpr std::int64_t kAscii = 3;
constexpr std::int64_t kOther = 8;

bool begins_character(unsigned char byte) { return (byte & 0xC0U) != 0x80U; }

}  // namespace

std::int64_t estimate_tokens(std::string_view text) noexcept {
    std::int64_t sum = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80U) {
            sum += kAscii;
        } else if (begins_character(byte)) {
            sum += kOther;
        }
    }
    return (sum + kUnit - 1) / kUnit;
}

std::string_view cut_to_tokens(std::string_view text, std::int64_t tokens) noexcept {
    std::int64_t left = tokens * kUnit;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (!begins_character(byte)) continue;
        left -= byte < 0x80U ? kAscii : kOther;
        if (left < 0) return text.substr(0, i);
    }
    return text;
}

}  // namespace oiab::agent

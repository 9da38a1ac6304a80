#include "observe/utf8.hpp"

namespace oiab::observe {
namespace {

bool continues(std::string_view text, std::size_t at, unsigned char least = 0x80, unsigned char most = 0xBF) {
    return at < text.size() && static_cast<unsigned char>(text[at]) >= least &&
           static_cast<unsigned char>(text[at]) <= most;
}

}  // namespace

// By the table of well-formed byte sequences (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return continues(text, at + 1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned char least = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned char most = lead == 0xED ? 0x9F : 0xBF;
        return continues(text, at + 1, least, most) && continues(text, at + 2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned char least = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned char most = lead == 0xF4 ? 0x8F : 0xBF;
        return continues(text, at + 1, least, most) && continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
    }
    return 0;
}

std::string to_valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto length = utf8_length(text, at);
        valid += length > 0 ? text.substr(at, length) : kReplacement;
        at += length > 0 ? length : 1;
    }
    return valid;
}

}  // namespace oiab::observe

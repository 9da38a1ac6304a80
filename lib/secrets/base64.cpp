#include "secrets/base64.hpp"

#include <cstdint>

namespace oiab::secrets {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int value_of(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

int hex_value_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char byte : bytes) {
        bits = (bits << 8U) | static_cast<unsigned char>(byte);
        for (count += 8; count >= 6; count -= 6) text += kAlphabet[(bits >> static_cast<unsigned>(count - 6)) & 63U];
    }
    if (count > 0) text += kAlphabet[(bits << static_cast<unsigned>(6 - count)) & 63U];
    while (text.size() % 4 != 0) text += '=';
    return text;
}

std::optional<SecretText> read_base64(std::string_view text) {
    const bool padded = text.ends_with('=');
    if (padded && text.size() % 4 != 0) return std::nullopt;
    if (padded) text.remove_suffix(text.ends_with("==") ? 2 : 1);
    if (text.size() % 4 == 1) return std::nullopt;
    auto bytes = SecretText::with_size(text.size() * 6 / 8);
    std::uint32_t bits = 0;
    int count = 0;
    std::size_t at = 0;
    for (const char c : text) {
        const int value = value_of(c);
        if (value < 0) return std::nullopt;
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes.data()[at++] = static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
    }
    if ((bits & ((1U << static_cast<unsigned>(count)) - 1U)) != 0) return std::nullopt;
    return bytes;
}

std::optional<SecretText> read_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    auto bytes = SecretText::with_size(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const int high = hex_value_of(text[2 * i]);
        const int low = hex_value_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.data()[i] = static_cast<char>(high * 16 + low);
    }
    return bytes;
}

}  // namespace oiab::secrets

#include "core/uuid.hpp"

#include <cstring>

namespace oiab::core {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

constexpr std::int8_t kNoDigit = -1;

/// The value of every character as a hexadecimal digit.
constexpr auto kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(kNoDigit);
    for (std::int8_t digit = 0; digit < 10; ++digit) values[static_cast<std::size_t>('0' + digit)] = digit;
    for (std::int8_t digit = 10; digit < 16; ++digit) {
        values[static_cast<std::size_t>('a' + digit - 10)] = digit;
        values[static_cast<std::size_t>('A' + digit - 10)] = digit;
    }
    return values;
}();

int digit_value(char c) noexcept { return kValues[static_cast<unsigned char>(c)]; }

bool dash_belongs_before(std::size_t byte) noexcept { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
    const bool dashed = text.size() == 36;
    if (!dashed && text.size() != 32) return std::nullopt;
    Uuid uuid;
    std::size_t at = 0;
    int wrong = 0;  // negative once a character was none of the digits
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        if (dashed && dash_belongs_before(i) && text[at++] != '-') return std::nullopt;
        const int high = digit_value(text[at]);
        const int low = digit_value(text[at + 1]);
        wrong |= high | low;
        uuid.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
        at += 2;
    }
    if (wrong < 0) return std::nullopt;
    return uuid;
}

std::string Uuid::to_hex() const {
    std::string text;
    text.reserve(32);
    for (const auto byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 0x0f];
    }
    return text;
}

std::string Uuid::to_string() const {
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (dash_belongs_before(i)) text += '-';
        text += kDigits[bytes[i] >> 4];
        text += kDigits[bytes[i] & 0x0f];
    }
    return text;
}

}  // namespace oiab::core

std::size_t std::hash<oiab::core::Uuid>::operator()(const oiab::core::Uuid& uuid) const noexcept {
    std::uint64_t halves[2];
    std::memcpy(halves, uuid.bytes.data(), sizeof halves);
    // The multiplier is 2^64 divided by the golden ratio, which spreads neighbouring UUIDv7 values (Knuth, TAOCP 6.4).
    return static_cast<std::size_t>((halves[0] ^ (halves[1] >> 1)) * 0x9e3779b97f4a7c15ULL);
}

#include "config/value.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace oiab::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

constexpr std::array kTimeUnits{
    Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1},
};

constexpr std::array kSizeUnits{
    Unit{"GiB", 1LL << 30}, Unit{"MiB", 1LL << 20}, Unit{"KiB", 1LL << 10}, Unit{"GB", 1'000'000'000},
    Unit{"MB", 1'000'000},  Unit{"kB", 1'000},      Unit{"KB", 1'000},      Unit{"B", 1},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

template <std::size_t N>
std::optional<std::int64_t> factor_of(const std::array<Unit, N>& units, std::string_view name) {
    for (const auto& unit : units)
        if (unit.name == name) return unit.factor;
    return std::nullopt;
}

/// Numbers with a unit each, added up. `example` is what a right one looks like.
template <std::size_t N>
std::expected<std::int64_t, Problem> parse_with_units(std::string_view whole, const std::array<Unit, N>& units,
                                                      std::string_view expected) {
    const auto wrong = [&](std::string_view why) {
        return std::unexpected{fmt::format("must be {}, not {}{}", expected, quote(whole), why)};
    };
    auto rest = trimmed(whole);
    if (rest == "0") return 0;
    if (rest.empty()) return wrong("");
    std::int64_t total = 0;
    while (!rest.empty()) {
        std::int64_t number = 0;
        if (!is_digit(rest.front())) return wrong("");
        const auto [after, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        if (error != std::errc{}) return wrong(" (too large)");
        rest.remove_prefix(static_cast<std::size_t>(after - rest.data()));
        while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
        std::size_t length = 0;
        while (length < rest.size() && is_letter(rest[length])) ++length;
        if (length == 0) return wrong(" (it has no unit)");
        const auto factor = factor_of(units, rest.substr(0, length));
        if (!factor) return wrong(fmt::format(" ({} is no unit)", quote(rest.substr(0, length))));
        rest.remove_prefix(length);
        if (number > (std::numeric_limits<std::int64_t>::max() / 2 - total) / *factor) return wrong(" (too large)");
        total += number * *factor;
        while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    }
    return total;
}

}  // namespace

std::string quote(std::string_view text) {
    constexpr std::size_t kShown = 60;
    std::string result{"\""};
    for (const char c : text.substr(0, kShown)) result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    result += text.size() > kShown ? "…\"" : "\"";
    return result;
}

std::expected<milliseconds, Problem> parse_duration(std::string_view text) {
    const auto count = parse_with_units(text, kTimeUnits, "a duration with a unit (ms, s, min, h, d) such as \"60s\"");
    if (!count) return std::unexpected{count.error()};
    return milliseconds{*count};
}

std::string format_duration(milliseconds duration) {
    if (duration <= milliseconds::zero()) return "0";
    std::string text;
    auto rest = duration.count();
    for (const auto& unit : kTimeUnits) {
        if (const auto count = rest / unit.factor; count > 0) text += fmt::format("{}{}", count, unit.name);
        rest %= unit.factor;
    }
    return text;
}

std::expected<std::int64_t, Problem> parse_size(std::string_view text) {
    return parse_with_units(text, kSizeUnits, "a size with a unit (B, KiB, MiB, GiB, kB, MB, GB) such as \"1MiB\"");
}

std::expected<bool, Problem> parse_switch(std::string_view text) {
    const auto word = trimmed(text);
    for (const std::string_view yes : {"true", "on", "yes", "1"})
        if (word == yes) return true;
    for (const std::string_view no : {"false", "off", "no", "0"})
        if (word == no) return false;
    return std::unexpected{fmt::format("must be true or false, not {}", quote(text))};
}

std::expected<std::int64_t, Problem> parse_integer(std::string_view text) {
    const auto word = trimmed(text);
    std::int64_t number = 0;
    const auto [after, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || after != word.data() + word.size() || word.empty())
        return std::unexpected{fmt::format("must be a whole number, not {}", quote(text))};
    return number;
}

std::expected<double, Problem> parse_decimal(std::string_view text) {
    const auto word = trimmed(text);
    double number = 0;
    const auto [after, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || after != word.data() + word.size() || word.empty())
        return std::unexpected{fmt::format("must be a number, not {}", quote(text))};
    return number;
}

std::vector<std::string> parse_list(std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const auto comma = text.find(',');
        if (const auto part = trimmed(text.substr(0, comma)); !part.empty()) parts.emplace_back(part);
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace oiab::config

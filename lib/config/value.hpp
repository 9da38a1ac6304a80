#pragma once
/// @file  Values as they are written in configuration: durations and sizes with their unit, switches, lists. Pure.

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oiab::config {

/// A value of a type that no setting has, such as a date.
struct Unsupported {
    std::string type;
};

/// A value before anybody knows what it should be. Environment and flags give text, a file gives all of them.
using RawValue = std::variant<std::string, std::vector<std::string>, bool, std::int64_t, double, Unsupported>;

/// What is wrong with a value, as the end of a sentence that begins with the setting's name.
using Problem = std::string;

/// "60s", "250ms", "15min", "1h", "7d", "1h30min", and plain "0".
[[nodiscard]] std::expected<std::chrono::milliseconds, Problem> parse_duration(std::string_view text);
/// The shortest form that parse_duration reads back: 90 s are "1min30s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// "512KiB", "10MB", "1GiB", "300B", and plain "0".
[[nodiscard]] std::expected<std::int64_t, Problem> parse_size(std::string_view text);

/// true/false, on/off, yes/no, 1/0.
[[nodiscard]] std::expected<bool, Problem> parse_switch(std::string_view text);
[[nodiscard]] std::expected<std::int64_t, Problem> parse_integer(std::string_view text);
[[nodiscard]] std::expected<double, Problem> parse_decimal(std::string_view text);
/// Parts between commas, without the space around them; empty parts are dropped.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

/// The text in double quotes for a message, cut where it is long, without control characters.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace oiab::config

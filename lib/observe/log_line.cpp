#include "observe/log_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "observe/utf8.hpp"

namespace oiab::observe {
namespace {

void append_escaped(std::string& to, char c) {
    switch (c) {
        case '"': to += "\\\""; return;
        case '\\': to += "\\\\"; return;
        case '\n': to += "\\n"; return;
        case '\r': to += "\\r"; return;
        case '\t': to += "\\t"; return;
        default: break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
        fmt::format_to(std::back_inserter(to), "\\u{:04x}", byte);
    } else {
        to += c;
    }
}

/// Escapes as JSON does, without quotes.
void append_body(std::string& to, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto length = utf8_length(text, at);
        if (length == 0) {
            to += kReplacement;
            ++at;
        } else if (length == 1) {
            append_escaped(to, text[at++]);
        } else {
            to += text.substr(at, length);
            at += length;
        }
    }
}

bool needs_quotes(std::string_view value) {
    if (value.empty()) return true;
    for (const char c : value)
        if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == 0x7F) return true;
    return false;
}

}  // namespace

std::string_view name_of(Level level) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
    return kNames[static_cast<std::size_t>(level)];
}

void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    append_body(to, text);
    to += '"';
}

std::string plain_value(const Field& field) {
    return std::visit(
        [](const auto& value) -> std::string {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Value, std::string_view>) return std::string{value};
            else if constexpr (std::is_same_v<Value, core::Uuid>) return value.to_string();
            else return fmt::format("{}", value);
        },
        field.value);
}

void append_json_line(std::string& to, LogTime time, Level level, std::string_view message,
                      std::span<const Field> fields, std::string_view worker) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
    fmt::format_to(std::back_inserter(to), "{{\"ts\":\"{:%Y-%m-%dT%H:%M:%S}.{:06}Z\",\"level\":\"{}\",\"msg\":",
                   fmt::gmtime(std::chrono::system_clock::to_time_t(time)), micros % 1'000'000, name_of(level));
    append_json_string(to, message);
    for (const auto& field : fields) {
        to += ',';
        append_json_string(to, field.key);
        to += ':';
        const auto* number = std::get_if<double>(&field.value);
        const bool bare = std::holds_alternative<std::int64_t>(field.value) ||
                          std::holds_alternative<bool>(field.value) || (number != nullptr && std::isfinite(*number));
        if (bare) {
            to += plain_value(field);
        } else if (const auto* text = std::get_if<std::string_view>(&field.value)) {
            append_json_string(to, *text);
        } else {
            append_json_string(to, plain_value(field));
        }
    }
    if (!worker.empty()) {
        to += ",\"worker\":";
        append_json_string(to, worker);
    }
    to += '}';
}

void append_text_line(std::string& to, std::string_view message, std::span<const Field> fields) {
    append_body(to, message);
    for (const auto& field : fields) {
        fmt::format_to(std::back_inserter(to), " {}=", field.key);
        const auto value = plain_value(field);
        if (needs_quotes(value)) {
            append_json_string(to, value);
        } else {
            append_body(to, value);
        }
    }
}

}  // namespace oiab::observe

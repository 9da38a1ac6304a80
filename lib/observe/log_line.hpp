#pragma once
/// @file  How one log line is written, as JSON or as text. Pure; whatever bytes come in, a line is valid UTF-8 and one
/// line.

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "observe/log.hpp"

namespace oiab::observe {

using LogTime = std::chrono::system_clock::time_point;

/// `debug`, `info`, `warning` or `error`.
[[nodiscard]] std::string_view name_of(Level level) noexcept;

/// {"ts":"2026-01-31T12:00:00.123456Z","level":"info","msg":"…","job_id":"…",…} without a line feed.
void append_json_line(std::string& to, LogTime time, Level level, std::string_view message,
                      std::span<const Field> fields, std::string_view worker);

/// The message with `key=value` behind it; values with spaces in quotes.
void append_text_line(std::string& to, std::string_view message, std::span<const Field> fields);

/// The text as a JSON string with its quotes. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& to, std::string_view text);

/// A field's value without quotes, as for text and journal.
[[nodiscard]] std::string plain_value(const Field& field);

}  // namespace oiab::observe

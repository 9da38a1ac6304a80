#pragma once
/// @file  Structured log lines: a sentence and named fields. Handed to every service by reference; thread-safe.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace spdlog {
class logger;
}

namespace oiab::observe {

enum class Level { kDebug, kInfo, kWarning, kError };

/// A named value beside the message. Views only: it lives as long as the call.
struct Field {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double, bool> value;

    Field(std::string_view k, std::string_view v) : key{k}, value{v} {}
    Field(std::string_view k, const char* v) : key{k}, value{std::string_view{v}} {}
    Field(std::string_view k, const std::string& v) : key{k}, value{std::string_view{v}} {}
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool>)
    Field(std::string_view k, Integer v) : key{k}, value{static_cast<std::int64_t>(v)} {}
    Field(std::string_view k, double v) : key{k}, value{v} {}
    Field(std::string_view k, bool v) : key{k}, value{v} {}
};

class Log {
public:
    explicit Log(std::shared_ptr<spdlog::logger> logger) : logger_{std::move(logger)} {}

    /// Costs a comparison, so callers may ask before they build a message.
    [[nodiscard]] bool enabled(Level level) const noexcept;
    /// One line; never throws, never blocks on more than the sink's write.
    void write(Level level, std::string_view message, std::span<const Field> fields) const noexcept;

    void debug(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(Level::kDebug, message, {fields.begin(), fields.size()});
    }
    void info(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(Level::kInfo, message, {fields.begin(), fields.size()});
    }
    void warn(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(Level::kWarning, message, {fields.begin(), fields.size()});
    }
    void error(std::string_view message, std::initializer_list<Field> fields = {}) const noexcept {
        write(Level::kError, message, {fields.begin(), fields.size()});
    }

private:
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace oiab::observe

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

#include "core/uuid.hpp"

namespace oiab::observe {

enum class Level { kDebug, kInfo, kWarning, kError };

/// A named value beside the message. Views only: it lives as long as the call. An id costs nothing until it is written.
struct Field {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, double, bool, core::Uuid> value;

    Field(std::string_view k, std::string_view v) : key{k}, value{v} {}
    Field(std::string_view k, const char* v) : key{k}, value{std::string_view{v}} {}
    Field(std::string_view k, const std::string& v) : key{k}, value{std::string_view{v}} {}
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool>)
    Field(std::string_view k, Integer v) : key{k}, value{static_cast<std::int64_t>(v)} {}
    Field(std::string_view k, double v) : key{k}, value{v} {}
    Field(std::string_view k, bool v) : key{k}, value{v} {}
    template <typename Tag>
    Field(std::string_view k, const core::Id<Tag>& id) : key{k}, value{id.value} {}
};

/// Where lines go. Implementations are thread-safe and never throw.
class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(Level level, std::string_view message, std::span<const Field> fields) noexcept = 0;
};

class Log {
public:
    Log(Level least, std::shared_ptr<LogSink> sink) : least_{least}, sink_{std::move(sink)} {}
    /// Writes nowhere: for tests and for commands that speak through their output alone.
    [[nodiscard]] static Log discarding() { return Log{Level::kError, nullptr}; }

    /// Costs a comparison, so callers may ask before they build a message.
    [[nodiscard]] bool enabled(Level level) const noexcept { return sink_ != nullptr && level >= least_; }

    /// One line; never throws, never blocks on more than the sink's write.
    void write(Level level, std::string_view message, std::span<const Field> fields) const noexcept {
        if (enabled(level)) sink_->write(level, message, fields);
    }

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
    Level least_;
    std::shared_ptr<LogSink> sink_;
};

}  // namespace oiab::observe

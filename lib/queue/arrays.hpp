#pragma once
/// @file  PostgreSQL array literals, built in one pass. Private to the queue layer; pure, any thread.

#include <cstdint>
#include <optional>
#include <pqxx/util>
#include <span>
#include <string>
#include <string_view>

#include "core/job.hpp"

namespace oiab::queue {

/// Appends elements one by one; a batch of a thousand costs one growing string.
class ArrayText {
public:
    ArrayText() : text_{"{"} {}
    void add(const core::JobId& id);
    void add(std::int64_t number);
    /// Quoted. A NUL byte cannot travel in a text parameter; it becomes \x01, which JSON refuses as it refuses NUL.
    void add(std::string_view text);
    void add_null();
    void add(const std::optional<std::string>& text) { text ? add(std::string_view{*text}) : add_null(); }
    void add(const std::optional<std::int64_t>& number) { number ? add(*number) : add_null(); }

    /// The finished literal.
    [[nodiscard]] std::string finish() && {
        text_ += '}';
        return std::move(text_);
    }

private:
    void separate() {
        if (text_.size() > 1) text_ += ',';
    }
    std::string text_;
};

[[nodiscard]] std::string text_array(std::span<const std::string> texts);

/// The ids and the epochs of attempts, as two arrays in the same order: in the server's binary format (array_recv),
/// which it reads several times faster than text.
struct KeyArrays {
    pqxx::bytes ids;     ///< uuid[]
    pqxx::bytes epochs;  ///< bigint[]
};
[[nodiscard]] KeyArrays key_arrays(std::span<const core::AttemptKey> keys);
/// The ids alone.
[[nodiscard]] pqxx::bytes id_array(std::span<const core::AttemptKey> keys);

}  // namespace oiab::queue

#pragma once
/// @file  Between C++ values and the columns of a row. Private to the .cpp files of this layer.

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/field>
#include <pqxx/params>
#include <pqxx/result>
#include <pqxx/row>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/uuid.hpp"

namespace oiab::store::rows {

/// Ids from the server are well-formed; anything else is a broken build.
template <typename Id>
[[nodiscard]] Id read_id(const pqxx::field& field) {
    const auto id = Id::parse(field.view());
    if (!id) throw std::logic_error{"the server sent an id that is no UUID"};
    return *id;
}

template <typename Id>
[[nodiscard]] std::optional<Id> read_optional_id(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return read_id<Id>(field);
}

[[nodiscard]] inline std::optional<std::string> read_optional_text(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return std::string{field.view()};
}

/// NULL reads as empty.
[[nodiscard]] inline std::string read_text(const pqxx::field& field) {
    return field.is_null() ? "" : std::string{field.view()};
}

template <typename Tag>
[[nodiscard]] std::optional<std::string> text_of(const std::optional<core::Id<Tag>>& id) {
    if (!id) return std::nullopt;
    return id->to_string();
}

/// Empty becomes NULL.
[[nodiscard]] inline std::optional<std::string> null_if_empty(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return std::string{text};
}

/// PostgreSQL's text holds no NUL; a model may still write one.
[[nodiscard]] std::string without_nul(std::string_view text);

/// For statements that take several rows as one JSON array. Bytes that are no UTF-8 become U+FFFD, a NUL likewise.
[[nodiscard]] std::string dump(const nlohmann::json& json);

template <typename Id>
[[nodiscard]] nlohmann::json json_of(const std::optional<Id>& id) {
    return id ? nlohmann::json(id->to_string()) : nlohmann::json(nullptr);
}
[[nodiscard]] inline nlohmann::json json_or_null(std::string_view text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(std::string{text});
}

/// `[0.1,0.2]`, as the type vector reads it.
[[nodiscard]] std::string vector_literal(std::span<const float> values);
[[nodiscard]] std::vector<float> read_vector(std::string_view literal);

/// From a column selected as microseconds since 1970: `(extract(epoch FROM t) * 1000000)::bigint`.
[[nodiscard]] inline core::WallTime read_time(const pqxx::field& field) {
    return core::WallTime{std::chrono::microseconds{field.as<std::int64_t>(0)}};
}

}  // namespace oiab::store::rows

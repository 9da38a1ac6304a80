#include "handlers/payload.hpp"

#include <fmt/format.h>

#include "core/json_text.hpp"
#include "oiab/attempt.hpp"

namespace oiab::handlers {
namespace {

std::string to_snake_case(std::string_view camel) {
    std::string snake;
    for (const char c : camel) {
        if (c >= 'A' && c <= 'Z') {
            snake += '_';
            snake += static_cast<char>(c - 'A' + 'a');
        } else {
            snake += c;
        }
    }
    return snake;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

}  // namespace

Payload::Payload(std::string_view text) : value_(core::parse_foreign_json(text)) {
    if (!value_.is_object()) throw EndAttempt{core::invalid_payload("the payload must be a JSON object")};
}

void Payload::refuse(std::string_view field, std::string_view what) {
    throw EndAttempt{core::invalid_payload(fmt::format("payload field \"{}\" {}", field, what))};
}

void Payload::reject(std::string_view field, std::string_view what) const {
    refuse(place_.empty() ? std::string{field} : place_ + std::string{field}, what);
}

const nlohmann::json* Payload::find(std::string_view field) const {
    auto it = value_.find(field);
    if (it == value_.end()) it = value_.find(to_snake_case(field));
    return it == value_.end() || it->is_null() ? nullptr : &*it;
}

std::optional<core::Uuid> Payload::optional_uuid(std::string_view field) const {
    const auto* value = find(field);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) {
        if (const auto uuid = core::Uuid::parse(value->get_ref<const std::string&>())) return uuid;
    }
    reject(field, "must be a UUID");
}

core::Uuid Payload::required_uuid(std::string_view field) const {
    if (const auto uuid = optional_uuid(field)) return *uuid;
    reject(field, "is missing; it must be a UUID");
}

std::string Payload::required_text(std::string_view field) const {
    const auto* value = find(field);
    if (value == nullptr) reject(field, "is missing; it must be a string");
    if (!value->is_string()) reject(field, "must be a string");
    if (is_blank(value->get_ref<const std::string&>())) reject(field, "must not be empty");
    return value->get<std::string>();
}

std::string Payload::optional_text(std::string_view field, std::string fallback) const {
    const auto* value = find(field);
    if (value == nullptr) return fallback;
    if (!value->is_string()) reject(field, "must be a string");
    return value->get<std::string>();
}

std::int64_t Payload::required_integer(std::string_view field, std::int64_t least, std::int64_t most) const {
    const auto* value = find(field);
    if (value == nullptr) {
        reject(field, fmt::format("is missing; it must be a whole number from {} to {}", least, most));
    }
    const bool whole = value->is_number_unsigned()
                           ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX)
                           : value->is_number_integer();
    if (!whole || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
        reject(field, fmt::format("must be a whole number from {} to {}", least, most));
    }
    return value->get<std::int64_t>();
}

std::int64_t Payload::optional_integer(std::string_view field, std::int64_t fallback, std::int64_t least,
                                       std::int64_t most) const {
    return find(field) == nullptr ? fallback : required_integer(field, least, most);
}

bool Payload::optional_flag(std::string_view field) const {
    const auto* value = find(field);
    if (value == nullptr) return false;
    if (!value->is_boolean()) reject(field, "must be true or false");
    return value->get<bool>();
}

double Payload::optional_number(std::string_view field, double fallback, double least, double most) const {
    const auto* value = find(field);
    if (value == nullptr) return fallback;
    // Written so that what is no number at all fails both.
    const bool fits = value->is_number() && value->get<double>() >= least && value->get<double>() <= most;
    if (!fits) reject(field, fmt::format("must be a number from {} to {}", least, most));
    return value->get<double>();
}

std::vector<Payload> Payload::required_objects(std::string_view field, std::size_t most) const {
    const auto* list = find(field);
    if (list == nullptr) reject(field, "is missing; it must be an array of objects");
    if (!list->is_array() || list->empty() || list->size() > most)
        reject(field, fmt::format("must be an array of 1 to {} objects", most));
    std::vector<Payload> elements;
    for (const auto& element : *list) {
        const auto place = fmt::format("{}{}[{}]", place_, field, elements.size());
        if (!element.is_object()) refuse(place, "must be an object");
        elements.push_back(Payload(element, place + "."));
    }
    return elements;
}

}  // namespace oiab::handlers

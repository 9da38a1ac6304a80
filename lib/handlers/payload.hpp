#pragma once
/// @file  Reads a job's payload by fields, so that a wrong one is refused at once with a sentence that names the field.
/// For handlers; a value of one attempt.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.hpp"
#include "core/uuid.hpp"

namespace oiab::handlers {

/// Fields are named in camelCase; `userId` is found under `user_id`, too. An optional field that is null counts as
/// missing. Every function throws EndAttempt(failed(invalid_payload)) for a field that is not as it must be.
class Payload {
public:
    /// @param text  the payload as the job has it. Anything but an object is refused.
    explicit Payload(std::string_view text);

    [[nodiscard]] core::Uuid required_uuid(std::string_view field) const;
    [[nodiscard]] std::optional<core::Uuid> optional_uuid(std::string_view field) const;
    /// Neither empty nor made of blanks only.
    [[nodiscard]] std::string required_text(std::string_view field) const;
    [[nodiscard]] std::string optional_text(std::string_view field, std::string fallback) const;
    [[nodiscard]] std::int64_t required_integer(std::string_view field, std::int64_t least, std::int64_t most) const;
    [[nodiscard]] std::int64_t optional_integer(std::string_view field, std::int64_t fallback, std::int64_t least,
                                                std::int64_t most) const;
    [[nodiscard]] double optional_number(std::string_view field, double fallback, double least, double most) const;
    [[nodiscard]] bool optional_flag(std::string_view field) const;
    /// An array of one to `most` objects. Their own fields are told with their place: "events[3].tool".
    [[nodiscard]] std::vector<Payload> required_objects(std::string_view field, std::size_t most) const;
    /// Any JSON; nullptr where the field is missing.
    [[nodiscard]] const nlohmann::json* find(std::string_view field) const;

    /// Refuses the payload: "payload field "<field>" <what>".
    [[noreturn]] static void refuse(std::string_view field, std::string_view what);
    /// The same for a field of this payload, which may be an element of another.
    [[noreturn]] void reject(std::string_view field, std::string_view what) const;

private:
    Payload(nlohmann::json value, std::string place) : value_(std::move(value)), place_(std::move(place)) {}

    nlohmann::json value_;
    std::string place_;  ///< what precedes the names of its fields
};

}  // namespace oiab::handlers

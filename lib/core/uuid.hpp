#pragma once
/// @file  A 128-bit identifier as PostgreSQL's uuid knows it, and strong types over it. Values; any thread.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace oiab::core {

/// Sixteen bytes in network order. The default value is the nil UUID.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};

    /// Reads the canonical form of 36 characters or the bare one of 32, in either case.
    /// @returns nullopt for anything else.
    [[nodiscard]] static std::optional<Uuid> parse(std::string_view text) noexcept;

    /// The canonical form, lower case.
    [[nodiscard]] std::string to_string() const;
    /// The 32 digits without dashes.
    [[nodiscard]] std::string to_hex() const;
    [[nodiscard]] bool is_nil() const noexcept { return *this == Uuid{}; }

    auto operator<=>(const Uuid&) const = default;
};

/// A UUID that says what it identifies, so that a tenant's id cannot be passed for a job's.
template <typename Tag>
struct Id {
    Uuid value;

    [[nodiscard]] static std::optional<Id> parse(std::string_view text) noexcept {
        if (auto uuid = Uuid::parse(text)) return Id{*uuid};
        return std::nullopt;
    }
    [[nodiscard]] std::string to_string() const { return value.to_string(); }
    auto operator<=>(const Id&) const = default;
};

using JobId = Id<struct JobTag>;
using TenantId = Id<struct TenantTag>;
using UserId = Id<struct UserTag>;
using PlanId = Id<struct PlanTag>;
using MemoryId = Id<struct MemoryTag>;

}  // namespace oiab::core

template <>
struct std::hash<oiab::core::Uuid> {
    std::size_t operator()(const oiab::core::Uuid& uuid) const noexcept;
};
template <typename Tag>
struct std::hash<oiab::core::Id<Tag>> {
    std::size_t operator()(const oiab::core::Id<Tag>& id) const noexcept {
        return std::hash<oiab::core::Uuid>{}(id.value);
    }
};

#pragma once
/// @file  The tools memory_add and memory_search. Shared by all turns.

#include "agent/tool.hpp"

namespace oiab::agent {

/// Keeps a memory of the user. Visible to others only where a role allows sharing.
class MemoryAdd final : public Tool {
public:
    static constexpr const char* kName = "memory_add";
    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override { return clients::Repeat::kSafe; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;
};

/// Finds memories that the user may see.
class MemorySearch final : public Tool {
public:
    static constexpr const char* kName = "memory_search";
    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override { return clients::Repeat::kSafe; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;
};

}  // namespace oiab::agent

#pragma once
/// @file  The tool plan_tasks: hands a larger task to the orchestrator. Shared by all turns.

#include <string_view>

#include "agent/tool.hpp"

namespace oiab::agent {

/// Answers at once with the plan's id. It never waits for the plan: the turn holds its session's lane, which the plan's
/// last job needs.
class PlanTasks final : public Tool {
public:
    static constexpr const char* kName = "plan_tasks";
    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override { return clients::Repeat::kSafe; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;
};

/// The same id for the same key, so that a repeated call finds the plan it made.
[[nodiscard]] core::PlanId plan_id_of(std::string_view idempotency_key);

}  // namespace oiab::agent

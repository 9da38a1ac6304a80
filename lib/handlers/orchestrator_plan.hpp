#pragma once
/// @file  Kind orchestrator-plan: `{planId?, userId, parentSessionId, taskDescription, maxSubtasks = 5, onFailure}`. A
/// task becomes subtasks that depend on each other.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class OrchestratorPlan final : public Handler {
public:
    explicit OrchestratorPlan(std::shared_ptr<const agent::AgentWorld> world);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers

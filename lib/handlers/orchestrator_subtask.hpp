#pragma once
/// @file  Kind orchestrator-subtask: `{planId, index}`. One subtask of a plan, in a session of its own.

#include <memory>

#include "agent/chat_loop.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class OrchestratorSubtask final : public Handler {
public:
    /// @param tools  all that subtasks may offer. plan_tasks is not for them: a plan that plans has no end.
    OrchestratorSubtask(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
    agent::ToolList tools_;
};

}  // namespace oiab::handlers

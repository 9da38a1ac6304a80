#pragma once
/// @file  Kind agent-turn: `{userId, sessionId, text, channel}`. A user's message becomes the agent's answer.

#include <memory>

#include "agent/chat_loop.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class AgentTurn final : public Handler {
public:
    /// @param tools  all that turns may offer; roles and template choose among them
    AgentTurn(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
    agent::ToolList tools_;
};

}  // namespace oiab::handlers

#pragma once
/// @file  Kind agent-turn: `{userId, sessionId, text, channel}`. A user's message becomes the agent's answer.

#include "agent/chat_loop.hpp"
#include "handlers/turn_runtimes.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class AgentTurn final : public Handler {
public:
    /// @param tools  all that turns of the chat loop may offer; roles and template choose among them
    AgentTurn(TurnRuntimes runtimes, agent::ToolList tools);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    TurnRuntimes runtimes_;
    agent::ToolList tools_;
};

}  // namespace oiab::handlers

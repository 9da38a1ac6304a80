#pragma once
/// @file  The agent's work itself: ask the model, do what it asks for, until it has an answer. The runtimes `direct`
/// and `offline` are this loop with different models. For the handlers of turns, subtasks and syntheses.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "agent/model_call.hpp"
#include "agent/tool.hpp"
#include "agent/trajectory.hpp"
#include "store/messages.hpp"

namespace oiab::agent {

using ToolList = std::vector<std::shared_ptr<Tool>>;

struct ChatTask {
    std::string session_id;
    std::string channel;
    std::string purpose = "chat";
    ModelChoice model;
    std::string system_prompt;
    std::vector<clients::ChatMessage> history;
    std::int64_t history_through = 0;  ///< position of the last message of `history` in its session
    std::string prompt;
    ToolList tools;  ///< those that may be used here
};

struct ChatResult {
    std::string text;
    std::string model;
    /// What the session gets: answers and tool results, in order, without the prompt.
    std::vector<store::NewMessage> messages;
    std::vector<ToolUse> uses;
    int failed_uses = 0;
    int rounds = 0;  ///< model calls
    bool memory_added = false;
    TokenCount tokens;
    double cost_usd = 0;

    /// As trajectories.outcome has it: partial where a tool call failed on the way.
    [[nodiscard]] const char* outcome() const noexcept { return failed_uses == 0 ? "success" : "partial"; }
};

/// Runs the loop. After max_tool_rounds rounds with tool calls the model is asked once more, without tools, so that
/// there is an answer.
/// @param attempt, world, person  outlive the coroutine
/// @throws what call_model and Tool::call throw
[[nodiscard]] boost::asio::awaitable<ChatResult> run_chat(Attempt& attempt, const AgentWorld& world,
                                                          const Person& person, ChatTask task);

/// Session messages as a model is shown them. A history that was cut off in the middle loses tool answers at its front
/// whose calls are gone.
[[nodiscard]] std::vector<clients::ChatMessage> to_chat_messages(const std::vector<store::MessageRow>& rows);

}  // namespace oiab::agent

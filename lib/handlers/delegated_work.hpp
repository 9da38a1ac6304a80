#pragma once
/// @file  What subtasks of a plan and members of a dispatch have in common: work in a session of their own, and the
/// synthesis of what they found out in the parent's. For the handlers of orchestrator-* and dispatch-*.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/chat_loop.hpp"
#include "agent/turn.hpp"

namespace oiab::handlers {

/// Ends the attempt as failed. @throws EndAttempt
[[noreturn]] void refuse(core::FailureReason reason, const std::string& why);

/// Keeps a result in the transaction that completes the job. @returns false where nobody wants it any more.
using KeepResult = std::function<bool(pg::Transaction& tx, const std::string& text)>;

struct ChildWork {
    agent::Scene scene;  ///< of its own session, the prompt appended
    std::string channel;
    std::string purpose;  ///< of its usage records
    std::string agent;
    std::string description;  ///< what memories are recalled for
    std::string prompt;
};

/// Runs the work and completes the job with its answer. @param attempt, world  outlive the coroutine
/// @param cancelled  why it fails where `keep` wants no result
[[nodiscard]] boost::asio::awaitable<core::Outcome> run_child(Attempt& attempt, const agent::AgentWorld& world,
                                                              ChildWork work, agent::ToolList tools, KeepResult keep,
                                                              std::string cancelled);

struct Synthesis {
    agent::Scene scene;  ///< of the parent's session
    std::string channel;
    std::string prompt;
    nlohmann::json described;  ///< what the job's result says besides
};

/// Asks for one answer of all results, appends it to the parent's session and completes the job. The results say all:
/// neither history nor tools nor memories. @param attempt, world  outlive the coroutine
[[nodiscard]] boost::asio::awaitable<core::Outcome> run_synthesis(Attempt& attempt, const agent::AgentWorld& world,
                                                                  Synthesis synthesis, KeepResult keep,
                                                                  std::string cancelled);

}  // namespace oiab::handlers

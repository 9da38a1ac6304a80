#pragma once
/// @file  A finished turn's last act: asking for its reflection. For the handlers of turns and subtasks.

#include "agent/chat_loop.hpp"

namespace oiab::agent {

/// How far behind turns (priority 0) the learning jobs queue: lower comes first.
inline constexpr int kLearningPriority = 100;

/// Enqueues learning-reflect for the job at hand where learning is on and the turn used a tool. Under the guard; lane
/// threads only; for Attempt::complete_in. @throws LeaseLost
void enqueue_reflection(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, const Person& person,
                        const std::string& session_id, const ChatResult& result);

}  // namespace oiab::agent

#pragma once
/// @file  Tools as a turn's first attempt found them, for its later attempts: the same names, descriptions and schemas,
/// whatever servers or newer programs have by then. For the step `context`. Any thread.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/chat_loop.hpp"

namespace oiab::agent {

/// The tools as JSON for the record.
[[nodiscard]] nlohmann::json freeze_tools(const ToolList& tools);

/// The tools of a record. Those of ours that this program does not have any more are left out; those of servers that
/// are gone stay, and say so when they are called.
/// @param ours  all tools that this program itself may offer
[[nodiscard]] ToolList thaw_tools(const nlohmann::json& stored, const ToolList& ours, const AgentWorld& world);

/// A paragraph for the system prompt; empty where no server is absent.
[[nodiscard]] std::string absent_servers_note(const std::vector<std::string>& servers);

}  // namespace oiab::agent

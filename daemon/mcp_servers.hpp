#pragma once
/// @file  The MCP servers of the configuration as the agent side wants them. Values.

#include <vector>

#include "agent/mcp_tools.hpp"
#include "config/settings.hpp"

namespace oiab::daemon {

[[nodiscard]] std::vector<agent::McpServer> mcp_servers(const config::Settings& settings);

}  // namespace oiab::daemon

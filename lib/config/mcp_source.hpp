#pragma once
/// @file  Servers of the Model Context Protocol that configuration brings in. Read by whoever makes the agent's world.
/// Values; any thread.

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace oiab::config {

/// One table [mcp.NAME].
struct McpSource {
    std::string name;
    std::string url;
    std::string unix_socket;                     ///< path of the socket to connect to; empty: the URL's host
    std::map<std::string, std::string> headers;  ///< secrets; values from variables and files have been read
    std::vector<std::string> tenants;            ///< ids or slugs; one "*" means everybody
    std::vector<std::string> tools;              ///< names or prefixes with `*`; empty: all
    bool trusted = false;
    bool idempotency_key = false;
    std::chrono::milliseconds timeout{60'000};
    std::chrono::milliseconds list_timeout{5'000};
    std::size_t max_result = 64U << 10U;
    std::string origin;  ///< file and line, for messages
};

}  // namespace oiab::config

#include "daemon/mcp_servers.hpp"

namespace oiab::daemon {

std::vector<agent::McpServer> mcp_servers(const config::Settings& settings) {
    std::vector<agent::McpServer> servers;
    for (const auto& source : settings.mcp_servers) {
        auto& server = servers.emplace_back();
        server.client.name = source.name;
        server.client.url = source.url;
        server.client.unix_socket = source.unix_socket;
        server.client.headers.assign(source.headers.begin(), source.headers.end());
        server.client.timeout = source.timeout;
        server.client.list_timeout = source.list_timeout;
        server.client.max_result_bytes = source.max_result;
        server.client.client_version = OIAB_VERSION;
        server.trusted = source.trusted;
        server.takes_key = source.idempotency_key;
        server.for_all = source.tenants == std::vector<std::string>{"*"};
        if (!server.for_all) server.tenants = source.tenants;
        server.tools = source.tools;
    }
    return servers;
}

}  // namespace oiab::daemon

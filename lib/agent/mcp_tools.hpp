#pragma once
/// @file  Tools of servers of the Model Context Protocol: who may see which, under which names, and what a failed call
/// means for the job. Made once at start, shared by all turns; thread-safe.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/chat_loop.hpp"
#include "agent/tool.hpp"
#include "clients/mcp.hpp"
#include "clients/mcp_client.hpp"

namespace oiab::agent {

struct McpServer {
    clients::McpServerSettings client;
    bool trusted = false;              ///< its hints (reads only, idempotent) are believed
    bool takes_key = false;            ///< it recognises a repeated call by its idempotency key
    bool for_all = false;              ///< every tenant, and users without one
    std::vector<std::string> tenants;  ///< otherwise: ids or slugs
    std::vector<std::string> tools;    ///< names or prefixes with `*`, of the server's own names; empty: all

    [[nodiscard]] bool serves(const Person& person) const;
    [[nodiscard]] bool offers(std::string_view tool) const;
};

/// How a model calls the tool: `<server>__<tool>` in at most 64 of the characters that providers allow. Where the
/// server's name for it has others, or is too long, a hash of it keeps the result unique; the same in every process.
[[nodiscard]] std::string mcp_tool_name(std::string_view server, std::string_view tool);

struct McpOffer {
    ToolList tools;
    std::vector<std::string> absent;  ///< servers that did not say what they have
};

class McpTools {
public:
    /// `http` and `clock` outlive it.
    McpTools(clients::HttpClient& http, std::vector<McpServer> servers, const core::Clock& clock);
    ~McpTools();

    /// What the servers of the person's tenant have. All are asked at once, none for longer than its list_timeout; one
    /// that does not answer is logged and left out.
    [[nodiscard]] boost::asio::awaitable<McpOffer> offer(Attempt& attempt, const Person& person) const;

    /// Whether any server has tools for the person.
    [[nodiscard]] bool serves(const Person& person) const;

    /// One server and its client, for commands.
    struct Entry {
        McpServer server;
        clients::McpClient client;

        Entry(clients::HttpClient& http, McpServer what, const core::Clock& clock);
    };
    [[nodiscard]] const std::vector<std::shared_ptr<Entry>>& entries() const noexcept { return entries_; }
    /// Ends the sessions that older servers keep for us, all at once. Waits for at most two seconds.
    [[nodiscard]] boost::asio::awaitable<void> close() const;
    /// nullptr where none has the name.
    [[nodiscard]] std::shared_ptr<Entry> find(std::string_view name) const;

private:
    std::vector<std::shared_ptr<Entry>> entries_;
};

/// What must be remembered of such a tool, beside its definition, to offer it again: see Tool::origin.
/// @param servers  nullptr where none is configured any more: calls of the tool are refused then
/// @returns nullptr where the JSON is none of McpTools' making
[[nodiscard]] std::shared_ptr<Tool> thaw_mcp_tool(const McpTools* servers, clients::ToolDefinition definition,
                                                  const nlohmann::json& origin);

}  // namespace oiab::agent

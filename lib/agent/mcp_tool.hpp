#pragma once
/// @file  One tool of a server of the Model Context Protocol, as a turn uses it. Private to McpTools.

#include <nlohmann/json.hpp>

#include "agent/mcp_tools.hpp"

namespace oiab::agent {

class McpTool final : public Tool {
public:
    /// @param entry  nullptr: its server is not configured any more
    McpTool(std::shared_ptr<McpTools::Entry> entry, std::string server, clients::ToolDefinition definition,
            clients::McpTool tool);

    [[nodiscard]] clients::ToolDefinition definition() const override { return definition_; }
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override;
    [[nodiscard]] nlohmann::json origin() const override;
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;

private:
    /// What the person may do now, which may be less than when the turn began. @returns why not, or nothing
    [[nodiscard]] std::string refusal_for(const Person& person) const;
    [[nodiscard]] bool only_reads() const;
    [[noreturn]] void give_up(const clients::McpError& error) const;

    std::shared_ptr<McpTools::Entry> entry_;
    std::string server_;
    clients::ToolDefinition definition_;
    clients::McpTool tool_;
};

}  // namespace oiab::agent

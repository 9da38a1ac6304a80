#include "agent/mcp_tools.hpp"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "agent/mcp_tool.hpp"
#include "agent/trajectory.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::size_t kLongestName = 64;  // what providers take
constexpr std::size_t kHashLength = 8;
/// Several providers refuse more than 128 tools; ours come besides.
constexpr std::size_t kMostTools = 112;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

using Listing = std::expected<clients::McpListing, clients::McpError>;

/// Asks the servers from `first` on, all at once; each answer has its place in `listings`.
asio::awaitable<void> list_all(const std::vector<std::shared_ptr<McpTools::Entry>>& entries, std::size_t first,
                               core::Deadline deadline, std::vector<Listing>& listings) {
    using namespace asio::experimental::awaitable_operators;
    const auto one = [&listings](std::shared_ptr<McpTools::Entry> entry, std::size_t place,
                                 core::Deadline until) -> asio::awaitable<void> {
        listings[place] = co_await entry->client.list(until);
    };
    if (first >= entries.size()) co_return;
    if (first + 1 == entries.size()) {
        co_await one(entries[first], first, deadline);
        co_return;
    }
    co_await (one(entries[first], first, deadline) && list_all(entries, first + 1, deadline, listings));
}

/// Says goodbye to the servers from `first` on, all at once.
asio::awaitable<void> close_all(const std::vector<std::shared_ptr<McpTools::Entry>>& entries, std::size_t first) {
    using namespace asio::experimental::awaitable_operators;
    if (first >= entries.size()) co_return;
    if (first + 1 == entries.size()) {
        co_await entries[first]->client.close();
        co_return;
    }
    co_await (entries[first]->client.close() && close_all(entries, first + 1));
}

std::string description_of(const clients::McpTool& tool, const std::string& server) {
    return tool.description.empty() ? tool.name + " of " + server : tool.description;
}

}  // namespace

bool McpServer::serves(const Person& person) const {
    if (for_all) return true;
    if (!person.tenant_id) return false;
    const std::string id = person.tenant_id->to_string();
    return std::ranges::any_of(tenants, [&](const std::string& one) {
        return one == id || (!person.tenant_slug.empty() && one == person.tenant_slug);
    });
}

bool McpServer::offers(std::string_view tool) const {
    return tools.empty() || std::ranges::any_of(tools, [&](const auto& one) { return names_tool(one, tool); });
}

std::string mcp_tool_name(std::string_view server, std::string_view tool) {
    std::string name{server};
    name += "__";
    const std::size_t prefix = name.size();
    if (std::ranges::all_of(tool, is_plain) && prefix + tool.size() <= kLongestName) return name.append(tool);
    for (const char c : tool) name += is_plain(c) ? c : '_';
    name.resize(std::min(name.size(), kLongestName - kHashLength - 1));
    return name + "_" + sha256_hex(tool).substr(0, kHashLength);
}

McpTools::Entry::Entry(clients::HttpClient& http, McpServer what, const core::Clock& clock)
    : server{std::move(what)}, client{http, server.client, clock} {}

McpTools::McpTools(clients::HttpClient& http, std::vector<McpServer> servers, const core::Clock& clock) {
    for (auto& server : servers) entries_.push_back(std::make_shared<Entry>(http, std::move(server), clock));
}

McpTools::~McpTools() = default;

bool McpTools::serves(const Person& person) const {
    return std::ranges::any_of(entries_, [&](const auto& entry) { return entry->server.serves(person); });
}

std::shared_ptr<McpTools::Entry> McpTools::find(std::string_view name) const {
    const auto found =
        std::ranges::find_if(entries_, [&](const auto& entry) { return entry->server.client.name == name; });
    return found == entries_.end() ? nullptr : *found;
}

asio::awaitable<void> McpTools::close() const { co_await close_all(entries_, 0); }

asio::awaitable<McpOffer> McpTools::offer(Attempt& attempt, const Person& person) const {
    McpOffer offer;
    std::vector<std::shared_ptr<Entry>> visible;
    for (const auto& entry : entries_) {
        if (entry->server.serves(person)) visible.push_back(entry);
    }
    std::vector<Listing> listings(visible.size());
    const auto deadline = attempt.deadline();
    co_await list_all(visible, 0, deadline, listings);
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < visible.size(); ++i) {
        const auto& entry = visible[i];
        const std::string& name = entry->server.client.name;
        if (!listings[i]) {
            offer.absent.push_back(name);
            attempt.log(LogLevel::kWarning,
                        "the turn goes on without the tools of a server: " + listings[i].error().message);
            continue;
        }
        for (const auto& sentence : listings[i]->rejected) {
            attempt.log(LogLevel::kDebug, "of the MCP server " + name + ": " + sentence);
        }
        for (const auto& tool : listings[i]->tools) {
            if (!entry->server.offers(tool.name)) continue;
            auto made = std::make_shared<McpTool>(
                entry, name,
                clients::ToolDefinition{mcp_tool_name(name, tool.name), description_of(tool, name), tool.input_schema},
                tool);
            if (!made->is_useful_to(person)) continue;
            const auto same_name = [&](const auto& other) {
                return other->definition().name == made->definition().name;
            };
            if (std::ranges::any_of(offer.tools, same_name)) continue;  // only on purpose: the names have hashes
            if (offer.tools.size() < kMostTools) offer.tools.push_back(std::move(made));
            else ++left_out;
        }
    }
    if (left_out > 0) {
        attempt.log(LogLevel::kWarning, std::to_string(left_out) + " tools are left out: providers refuse so many");
    }
    co_return offer;
}

std::shared_ptr<Tool> thaw_mcp_tool(const McpTools* servers, clients::ToolDefinition definition, const json& origin) {
    if (!origin.is_object() || !origin.contains("server") || !origin.contains("tool")) return nullptr;
    const auto server = origin.at("server").get<std::string>();
    clients::McpTool tool;
    tool.name = origin.at("tool").get<std::string>();
    tool.read_only = origin.value("readOnly", false);
    tool.idempotent = origin.value("idempotent", false);
    auto entry = servers == nullptr ? nullptr : servers->find(server);
    return std::make_shared<McpTool>(std::move(entry), server, std::move(definition), std::move(tool));
}

}  // namespace oiab::agent

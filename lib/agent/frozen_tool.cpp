#include "agent/frozen_tool.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/mcp_tools.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// A tool of ours under the definition that the model was given first.
class FrozenTool final : public Tool {
public:
    FrozenTool(std::shared_ptr<Tool> tool, clients::ToolDefinition definition)
        : tool_{std::move(tool)}, definition_{std::move(definition)} {}

    [[nodiscard]] clients::ToolDefinition definition() const override { return definition_; }
    [[nodiscard]] bool is_useful_to(const Person& person) const override { return tool_->is_useful_to(person); }
    [[nodiscard]] clients::Repeat repeat() const override { return tool_->repeat(); }
    [[nodiscard]] asio::awaitable<std::string> call(const ToolScene& scene, json arguments, std::string key) override {
        return tool_->call(scene, std::move(arguments), std::move(key));
    }

private:
    std::shared_ptr<Tool> tool_;
    clients::ToolDefinition definition_;
};

std::shared_ptr<Tool> find_tool(const ToolList& tools, const std::string& name) {
    const auto found = std::ranges::find_if(tools, [&](const auto& tool) { return tool->definition().name == name; });
    return found == tools.end() ? nullptr : *found;
}

std::shared_ptr<Tool> thaw(const json& item, const ToolList& ours, const AgentWorld& world) {
    // Names alone were recorded once; such turns may still be under way.
    if (item.is_string()) return find_tool(ours, item.get<std::string>());
    clients::ToolDefinition definition{item.at("name").get<std::string>(), item.at("description").get<std::string>(),
                                       item.at("parameters").get<std::string>()};
    if (item.contains("mcp")) return thaw_mcp_tool(world.mcp.get(), std::move(definition), item.at("mcp"));
    auto tool = find_tool(ours, definition.name);
    if (!tool) return nullptr;
    return std::make_shared<FrozenTool>(std::move(tool), std::move(definition));
}

}  // namespace

json freeze_tools(const ToolList& tools) {
    json list = json::array();
    for (const auto& tool : tools) {
        const auto definition = tool->definition();
        json item{
            {"name", definition.name}, {"description", definition.description}, {"parameters", definition.parameters}};
        if (json origin = tool->origin(); !origin.is_null()) item["mcp"] = std::move(origin);
        list.push_back(std::move(item));
    }
    return list;
}

ToolList thaw_tools(const json& stored, const ToolList& ours, const AgentWorld& world) {
    ToolList tools;
    for (const auto& item : stored) {
        if (auto tool = thaw(item, ours, world)) tools.push_back(std::move(tool));
    }
    return tools;
}

std::string absent_servers_note(const std::vector<std::string>& servers) {
    if (servers.empty()) return {};
    std::string text = "\n\nThese tool servers cannot be reached at the moment, so their tools are missing:";
    for (std::size_t i = 0; i < servers.size(); ++i) text += (i == 0 ? " " : ", ") + servers[i];
    return text + ".";
}

}  // namespace oiab::agent

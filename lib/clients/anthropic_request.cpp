#include "clients/anthropic_request.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// A conversation must begin with the user; one that was cut off may not.
constexpr const char* kForgottenBeginning = "(What was said before is no longer known.)";

const json kEphemeral{{"type", "ephemeral"}};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

json text_block(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

json call_block(const ToolCall& call) {
    // What the model garbled earlier must not make the provider refuse the whole conversation.
    json input = core::parse_foreign_json(call.arguments);
    if (!input.is_object()) input = json::object();
    return {{"type", "tool_use"}, {"id", tool_id(call.id)}, {"name", call.name}, {"input", std::move(input)}};
}

/// The blocks as the provider wrote them, or nothing where they are not its own or have been damaged.
json own_blocks(const ChatMessage& message) {
    if (!message.parts || message.parts->protocol != kAnthropicProtocol) return json::array();
    json blocks = core::parse_foreign_json(message.parts->content);
    const auto is_block = [](const json& block) { return block.is_object() && !text_member(block, "type").empty(); };
    if (!blocks.is_array() || !std::all_of(blocks.begin(), blocks.end(), is_block)) return json::array();
    return blocks;
}

json assistant_blocks(const ChatMessage& message) {
    json blocks = own_blocks(message);
    if (!blocks.empty()) return blocks;
    if (!is_blank(message.content)) blocks.push_back(text_block(message.content));
    for (const ToolCall& call : message.tool_calls) blocks.push_back(call_block(call));
    return blocks;
}

json result_block(const ChatMessage& message) {
    json block{{"type", "tool_result"}, {"tool_use_id", tool_id(message.tool_call_id)}};
    if (!message.content.empty()) block["content"] = message.content;
    return block;
}

json blocks_of(const ChatMessage& message) {
    if (message.role == Role::kAssistant) return assistant_blocks(message);
    if (message.role == Role::kTool) return json::array({result_block(message)});
    return is_blank(message.content) ? json::array() : json::array({text_block(message.content)});
}

json conversation(const std::vector<ChatMessage>& messages) {
    json list = json::array();
    for (const ChatMessage& message : messages) {
        if (message.role == Role::kSystem) continue;
        json blocks = blocks_of(message);
        if (blocks.empty()) continue;
        const char* role = message.role == Role::kAssistant ? "assistant" : "user";
        if (list.empty() && message.role == Role::kAssistant) {
            list.push_back({{"role", "user"}, {"content", json::array({text_block(kForgottenBeginning)})}});
        }
        if (list.empty() || list.back()["role"] != role) {
            list.push_back({{"role", role}, {"content", std::move(blocks)}});
            continue;
        }
        for (json& block : blocks) list.back()["content"].push_back(std::move(block));
    }
    return list;
}

std::string system_text(const std::vector<ChatMessage>& messages) {
    std::string text;
    for (const ChatMessage& message : messages) {
        if (message.role != Role::kSystem || is_blank(message.content)) continue;
        if (!text.empty()) text += "\n\n";
        text += message.content;
    }
    return text;
}

json tool_json(const ToolDefinition& tool) {
    json schema = core::parse_foreign_json(tool.parameters);
    if (!schema.is_object()) schema = json::object();
    if (!schema.contains("type")) schema["type"] = "object";
    return {{"name", tool.name}, {"description", tool.description}, {"input_schema", std::move(schema)}};
}

}  // namespace

std::string tool_id(std::string_view id) {
    std::string out{id};
    for (char& c : out) {
        const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!fits) c = '_';
    }
    return out;
}

std::string messages_body(const ChatRequest& request, const AnthropicSettings& settings) {
    // What a budget affords may be more than any model writes, and the protocol refuses that.
    const int limit =
        std::min(request.max_output_tokens.value_or(settings.max_output_tokens), settings.max_output_tokens);
    json body{{"model", request.model},
              {"max_tokens", std::max(limit, 1)},
              {"messages", conversation(request.messages)},
              {"stream", true}};
    const bool cached = settings.cache == PromptCache::kWithTools && !request.tools.empty();
    if (const std::string system = system_text(request.messages); !system.empty()) {
        json block = text_block(system);
        if (cached) block["cache_control"] = kEphemeral;
        body["system"] = json::array({std::move(block)});
    }
    for (const ToolDefinition& tool : request.tools) body["tools"].push_back(tool_json(tool));
    // The last message is the user's or the tools', whose blocks may all be marked.
    if (cached && !body["messages"].empty() && body["messages"].back()["role"] == "user") {
        body["messages"].back()["content"].back()["cache_control"] = kEphemeral;
    }
    if (request.temperature) body["temperature"] = std::clamp(*request.temperature, 0.0, 1.0);
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace oiab::clients

#include "clients/openai_chat_format.hpp"

#include <nlohmann/json.hpp>

#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

json message_json(const ChatMessage& message) {
    json out{{"role", to_string(message.role)}, {"content", message.content}};
    if (message.role == Role::kTool) out["tool_call_id"] = message.tool_call_id;
    if (message.tool_calls.empty()) return out;
    if (message.content.empty()) out["content"] = nullptr;
    for (const ToolCall& call : message.tool_calls) {
        // What the model garbled earlier must not make the provider refuse the whole conversation.
        const std::string arguments = core::parse_foreign_json(call.arguments).is_discarded() ? "{}" : call.arguments;
        out["tool_calls"].push_back(
            {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", arguments}}}});
    }
    return out;
}

json tool_json(const ToolDefinition& tool) {
    json parameters = core::parse_foreign_json(tool.parameters);
    if (!parameters.is_object()) parameters = {{"type", "object"}, {"properties", json::object()}};
    return {
        {"type", "function"},
        {"function", {{"name", tool.name}, {"description", tool.description}, {"parameters", std::move(parameters)}}}};
}

/// Reasoning models refuse max_tokens; most other servers know no other name.
bool wants_completion_tokens(std::string_view model) {
    if (const auto slash = model.rfind('/'); slash != std::string_view::npos) model.remove_prefix(slash + 1);
    for (const std::string_view prefix : {"o1", "o3", "o4", "gpt-5"}) {
        if (model.starts_with(prefix)) return true;
    }
    return false;
}

/// Content is a string, or a list of parts of which the text ones count.
std::string content_of(const json& message) {
    const auto found = message.find("content");
    if (found != message.end() && found->is_array()) {
        std::string text;
        for (const json& part : *found) text += text_member(part, "text");
        return text;
    }
    std::string text = text_member(message, "content");
    return text.empty() ? text_member(message, "refusal") : text;
}

}  // namespace

std::string_view to_string(Role role) noexcept {
    switch (role) {
        case Role::kSystem: return "system";
        case Role::kUser: return "user";
        case Role::kAssistant: return "assistant";
        case Role::kTool: return "tool";
    }
    return "user";
}

bool names_max_tokens(const ChatRequest& request, const OpenAiChatSettings& settings) {
    if (!request.max_output_tokens || settings.token_limit == TokenLimitName::kMaxCompletionTokens) return false;
    return settings.token_limit == TokenLimitName::kMaxTokens || !wants_completion_tokens(request.model);
}

std::string chat_body(const ChatRequest& request, const OpenAiChatSettings& settings) {
    json body{{"model", settings.paths.model_name(request.model)}, {"messages", json::array()}};
    for (const ChatMessage& message : request.messages) body["messages"].push_back(message_json(message));
    for (const ToolDefinition& tool : request.tools) body["tools"].push_back(tool_json(tool));
    if (request.temperature) body["temperature"] = *request.temperature;
    if (request.max_output_tokens) {
        const bool older = names_max_tokens(request, settings);
        body[older ? "max_tokens" : "max_completion_tokens"] = *request.max_output_tokens;
    }
    if (settings.streaming == Streaming::kOn) {
        body["stream"] = true;
        if (settings.usage == UsageInStream::kAsk) body["stream_options"] = {{"include_usage", true}};
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::expected<std::string, ModelError> ChatAssembly::take(const json& piece, const ProviderSettings& settings) {
    if (!piece.is_object()) return std::unexpected{garbled_answer("it is not a JSON object")};
    if (const auto error = piece.find("error"); error != piece.end() && !error->is_null()) {
        return std::unexpected{model_error_in(settings, piece)};
    }
    if (answer_.model.empty()) answer_.model = text_member(piece, "model");
    if (const auto usage = piece.find("usage"); usage != piece.end() && usage->is_object()) take_usage(*usage);
    const auto choices = piece.find("choices");
    // The piece that brings the usage has no choices, and neither have some providers' greetings.
    if (choices == piece.end() || !choices->is_array() || choices->empty()) return std::string{};
    const json& choice = choices->front();
    if (!choice.is_object()) return std::unexpected{garbled_answer("a choice is not a JSON object")};
    any_choice_ = true;
    std::string text;
    for (const char* name : {"message", "delta"}) {
        if (choice.contains(name) && choice.at(name).is_object()) text += take_message(choice.at(name));
    }
    if (std::string reason = text_member(choice, "finish_reason"); !reason.empty()) answer_.finish_reason = reason;
    return text;
}

std::string ChatAssembly::take_message(const json& message) {
    std::string text = content_of(message);
    answer_.content += text;
    if (const auto calls = message.find("tool_calls"); calls != message.end() && calls->is_array()) {
        for (const json& call : *calls) {
            if (call.is_object()) take_tool_call(call);
        }
    }
    return text;
}

ToolCall& ChatAssembly::tool_call_for(const json& call, const std::string& id) {
    auto& calls = answer_.tool_calls;
    const bool indexed = call.contains("index") && call.at("index").is_number_integer();
    const std::int64_t index = indexed ? call.at("index").get<std::int64_t>() : -1;
    // From the back: some servers send several whole calls under one index, told apart by their ids alone.
    for (std::size_t i = calls.size(); i-- > 0;) {
        const bool same_place = indexed ? indexes_[i] == index : i + 1 == calls.size();
        if (!same_place) continue;
        if (id.empty() || calls[i].id.empty() || calls[i].id == id) return calls[i];
        break;
    }
    indexes_.push_back(index);
    return calls.emplace_back();
}

void ChatAssembly::take_tool_call(const json& call) {
    const std::string id = text_member(call, "id");
    const auto function = call.find("function");
    const json no_function = json::object();
    const json& described = function != call.end() && function->is_object() ? *function : no_function;
    ToolCall& target = tool_call_for(call, id);
    if (target.id.empty()) target.id = id;
    if (target.name.empty()) target.name = text_member(described, "name");
    if (const auto arguments = described.find("arguments"); arguments != described.end()) {
        if (arguments->is_string()) target.arguments += to_valid_utf8(arguments->get_ref<const std::string&>());
        else if (arguments->is_object()) target.arguments = core::storable_json(*arguments);
    }
}

void ChatAssembly::take_usage(const json& usage) {
    Usage told;
    told.input_tokens = token_count(usage, "prompt_tokens");
    told.output_tokens = token_count(usage, "completion_tokens");
    if (const auto details = usage.find("prompt_tokens_details"); details != usage.end()) {
        told.cached_input_tokens = token_count(*details, "cached_tokens");
        told.cache_write_tokens = token_count(*details, "cache_write_tokens");  // of routers; OpenAI writes for nothing
    }
    if (const auto details = usage.find("completion_tokens_details"); details != usage.end()) {
        told.reasoning_tokens = token_count(*details, "reasoning_tokens");
    }
    answer_.usage = told;
}

ChatAnswer ChatAssembly::take_answer() {
    for (std::size_t i = 0; i < answer_.tool_calls.size(); ++i) {
        ToolCall& call = answer_.tool_calls[i];
        if (call.id.empty()) call.id = "call_" + std::to_string(i);
        if (call.arguments.empty()) call.arguments = "{}";
    }
    if (answer_.finish_reason.empty()) answer_.finish_reason = answer_.tool_calls.empty() ? "stop" : "tool_calls";
    return std::move(answer_);
}

}  // namespace oiab::clients

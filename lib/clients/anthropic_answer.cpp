#include "clients/anthropic_answer.hpp"

#include <algorithm>

#include "clients/anthropic_chat.hpp"
#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// Far more than any answer has; bounds what a stream of block beginnings can cost.
constexpr std::size_t kMostBlocks = 4096;

/// Levels that requests, step results and rows put around the blocks: with them the parts must still be readable.
constexpr std::size_t kLevelsAround = 16;

const json kNothing = json::object();

const json& member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_object() ? *found : kNothing;
}

std::int64_t index_of(const json& event) {
    const auto found = event.find("index");
    return found != event.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

/// Appends to a string member, whatever was there before.
void append(json& object, const char* name, const std::string& text) {
    json& value = object[name];
    if (!value.is_string()) value = "";
    value.get_ref<std::string&>() += text;
}

bool is_tool_use(const json& block) { return text_member(block, "type") == "tool_use"; }

std::string finish_reason_of(const std::string& stop_reason) {
    if (stop_reason == "end_turn" || stop_reason == "stop_sequence") return "stop";
    if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return "length";
    if (stop_reason == "tool_use") return "tool_calls";
    if (stop_reason == "refusal") return "content_filter";
    return stop_reason;
}

}  // namespace

std::expected<std::string, ModelError> AnthropicAnswer::take_event(const json& event,
                                                                   const ProviderSettings& settings) {
    if (!event.is_object()) return std::unexpected{garbled_answer("an event of its stream is not a JSON object")};
    const std::string type = text_member(event, "type");
    if (type == "error" || (type.empty() && event.contains("error"))) {
        auto error = model_error_in(settings, event);
        error.may_be_billed = begun_;  // the prompt, and thoughts and tool calls of which no text tells
        return std::unexpected{std::move(error)};
    }
    if (type == "message_start") return begin_message(member(event, "message"));
    if (type == "content_block_start") return begin_block(index_of(event), member(event, "content_block"));
    if (type == "content_block_delta") return extend_block(index_of(event), member(event, "delta"));
    if (type == "message_delta") {
        take_stop_reason(member(event, "delta"));
        take_usage(event);
    }
    if (type == "message_stop") {
        if (!begun_) return std::unexpected{garbled_answer("it ends without having begun")};
        complete_ = true;
    }
    return std::string{};
}

std::expected<std::string, ModelError> AnthropicAnswer::take_whole(const json& message,
                                                                   const ProviderSettings& settings) {
    if (!message.is_object()) return std::unexpected{garbled_answer("it is not a JSON object")};
    if (text_member(message, "type") == "error" || message.contains("error")) {
        return std::unexpected{model_error_in(settings, message)};
    }
    if (!message.contains("content")) return std::unexpected{garbled_answer("it has no content")};
    take_stop_reason(message);
    auto text = begin_message(message);
    complete_ = text.has_value();
    return text;
}

AnthropicAnswer::Text AnthropicAnswer::begin_message(const json& message) {
    if (std::exchange(begun_, true)) return std::unexpected{garbled_answer("it begins twice")};
    answer_.model = text_member(message, "model");
    take_usage(message);
    std::string text;
    const auto content = message.find("content");
    if (content == message.end()) return text;
    if (!content->is_array()) return std::unexpected{garbled_answer("its content is not a list")};
    for (const json& block : *content) {
        auto added = begin_block(static_cast<std::int64_t>(blocks_.size()), block);
        if (!added) return added;
        text += *added;
    }
    return text;
}

AnthropicAnswer::Text AnthropicAnswer::begin_block(std::int64_t index, const json& block) {
    if (!begun_ || index < 0 || text_member(block, "type").empty()) {
        return std::unexpected{garbled_answer("a block of it has no beginning")};
    }
    const auto same = [index](const Block& known) { return known.index == index; };
    if (blocks_.size() >= kMostBlocks || std::any_of(blocks_.begin(), blocks_.end(), same)) {
        return std::unexpected{garbled_answer("its blocks are out of order")};
    }
    if (is_tool_use(block) && (text_member(block, "id").empty() || text_member(block, "name").empty())) {
        return std::unexpected{garbled_answer("a tool's use has no id or no name")};
    }
    blocks_.push_back({index, block, {}});
    std::string text = text_member(block, "type") == "text" ? text_member(block, "text") : std::string{};
    answer_.content += text;
    return text;
}

AnthropicAnswer::Text AnthropicAnswer::extend_block(std::int64_t index, const json& delta) {
    const auto found =
        std::find_if(blocks_.rbegin(), blocks_.rend(), [index](const Block& b) { return b.index == index; });
    if (found == blocks_.rend()) return std::unexpected{garbled_answer("a block of it has no beginning")};
    const std::string type = text_member(delta, "type");
    if (type == "text_delta") {
        std::string text = text_member(delta, "text");
        append(found->content, "text", text);
        answer_.content += text;
        return text;
    }
    if (type == "input_json_delta") {
        found->partial_input += text_member(delta, "partial_json");
    } else if (type == "thinking_delta") {
        append(found->content, "thinking", text_member(delta, "thinking"));
    } else if (type == "signature_delta") {
        found->content["signature"] = text_member(delta, "signature");
    } else if (type == "citations_delta") {
        json& citations = found->content["citations"];
        if (!citations.is_array()) citations = json::array();
        citations.push_back(delta.value("citation", json{}));
    } else {
        understood_ = false;
    }
    return std::string{};
}

void AnthropicAnswer::take_stop_reason(const json& holder) {
    if (const auto reason = text_member(holder, "stop_reason"); !reason.empty()) {
        answer_.finish_reason = finish_reason_of(reason);
    }
}

void AnthropicAnswer::take_usage(const json& holder) {
    const json& usage = member(holder, "usage");
    if (usage.empty()) return;
    any_usage_ = true;
    // Every event tells the sum so far of what it tells at all.
    const auto take = [&](const char* name, std::int64_t& count) {
        if (usage.contains(name) && !usage[name].is_null()) count = token_count(usage, name);
    };
    take("input_tokens", plain_input_tokens_);
    take("cache_read_input_tokens", usage_.cached_input_tokens);
    take("cache_creation_input_tokens", usage_.cache_write_tokens);
    take("output_tokens", usage_.output_tokens);
    const json& details = member(usage, "output_tokens_details");
    if (details.contains("thinking_tokens")) usage_.reasoning_tokens = token_count(details, "thinking_tokens");
}

void AnthropicAnswer::add_tool_call(Block& block) {
    ToolCall call{text_member(block.content, "id"), text_member(block.content, "name"), {}};
    json input = block.content.value("input", json::object());
    if (!block.partial_input.empty()) {
        input = core::parse_foreign_json(core::with_storable_escapes(block.partial_input));
        call.arguments = block.partial_input;  // garbled or not, as the model wrote it: the tool's loop tells it so
    } else {
        call.arguments = core::storable_json(input);
    }
    block.content["input"] = input.is_object() ? std::move(input) : json::object();
    answer_.tool_calls.push_back(std::move(call));
}

void AnthropicAnswer::keep_parts() {
    if (!understood_) return;
    json content = json::array();
    for (Block& block : blocks_) {
        // The provider writes blocks of text without text, but does not take them back.
        const bool is_text = text_member(block.content, "type") == "text";
        const auto text = text_member(block.content, "text");
        if (is_text && text.find_first_not_of(" \t\r\n") == std::string::npos) continue;
        content.push_back(std::move(block.content));
    }
    if (content.empty()) return;
    std::string text = core::storable_json(content);
    const std::string around(kLevelsAround, '[');
    if (core::parse_foreign_json(around + text + std::string(kLevelsAround, ']')).is_discarded()) return;
    answer_.parts = ProviderParts{kAnthropicProtocol, std::move(text)};
}

ChatAnswer AnthropicAnswer::take() {
    std::sort(blocks_.begin(), blocks_.end(), [](const Block& a, const Block& b) { return a.index < b.index; });
    for (Block& block : blocks_) {
        if (is_tool_use(block.content)) add_tool_call(block);
        else if (!block.partial_input.empty()) block.content["input"] = core::parse_foreign_json(block.partial_input);
    }
    for (const Block& block : blocks_)
        understood_ = understood_ && !block.content.value("input", json{}).is_discarded();
    keep_parts();
    if (any_usage_) {
        usage_.input_tokens =
            std::min(plain_input_tokens_ + usage_.cached_input_tokens + usage_.cache_write_tokens, kMaxCallTokens);
        answer_.usage = usage_;
    }
    if (answer_.finish_reason.empty()) answer_.finish_reason = answer_.tool_calls.empty() ? "stop" : "tool_calls";
    return std::move(answer_);
}

}  // namespace oiab::clients

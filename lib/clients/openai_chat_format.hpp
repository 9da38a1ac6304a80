#pragma once
/// @file  The JSON of OpenAI's chat completions: the request's body, and answers put together from their pieces.
/// Private to the chat client. One answer's own.

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "clients/chat.hpp"
#include "clients/openai_chat.hpp"

namespace oiab::clients {

/// The body to send. Malformed UTF-8 in it is replaced, so that this never throws.
[[nodiscard]] std::string chat_body(const ChatRequest& request, const OpenAiChatSettings& settings);

/// Whether the body names its limit by the older word, which reasoning models refuse.
[[nodiscard]] bool names_max_tokens(const ChatRequest& request, const OpenAiChatSettings& settings);

/// One answer that comes whole or in pieces.
class ChatAssembly {
public:
    /// Takes a whole answer ("message") or one piece of a stream ("delta").
    /// @returns the text that it adds, or what is wrong with it.
    [[nodiscard]] std::expected<std::string, ModelError> take(const nlohmann::json& piece,
                                                              const ProviderSettings& settings);

    /// The provider has said why it stopped, so nothing is missing but perhaps the usage.
    [[nodiscard]] bool is_finished() const noexcept { return !answer_.finish_reason.empty(); }
    /// Nothing has come that belongs to an answer.
    [[nodiscard]] bool is_empty() const noexcept { return !any_choice_; }
    [[nodiscard]] ChatAnswer take_answer();

private:
    std::string take_message(const nlohmann::json& message);
    void take_tool_call(const nlohmann::json& call);
    void take_usage(const nlohmann::json& usage);
    [[nodiscard]] ToolCall& tool_call_for(const nlohmann::json& call, const std::string& id);

    ChatAnswer answer_;
    std::vector<std::int64_t> indexes_;  ///< of the tool calls, in the order of the calls
    bool any_choice_ = false;
};

}  // namespace oiab::clients

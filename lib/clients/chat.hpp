#pragma once
/// @file  A conversation with a language model, whoever provides it. The values are any thread's; a ChatModel may be
/// used by any number of coroutines at once.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/model_error.hpp"
#include "core/deadline.hpp"

namespace oiab::clients {

namespace asio = boost::asio;

enum class Role { kSystem, kUser, kAssistant, kTool };

/// A tool that the model wants called.
struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  ///< JSON text as the model wrote it: untrusted, perhaps not even JSON
};

/// A message's content as its provider sent it, kept to be handed back unchanged: text and tool calls alone lose signed
/// thinking, for example, without which some models refuse to go on.
struct ProviderParts {
    std::string protocol;  ///< who wrote them; nobody else is shown them
    std::string content;   ///< JSON array of content blocks, storable as jsonb
};

struct ChatMessage {
    Role role = Role::kUser;
    std::string content;
    std::vector<ToolCall> tool_calls;         ///< of an assistant
    std::string tool_call_id;                 ///< of a tool's answer: the call that it answers
    std::optional<ProviderParts> parts = {};  ///< of an assistant: says the same as content and tool_calls
};

struct ToolDefinition {
    std::string name;
    std::string description;
    std::string parameters;  ///< JSON Schema text
};

struct ChatRequest {
    std::string model;
    std::vector<ChatMessage> messages;
    std::vector<ToolDefinition> tools;
    std::optional<double> temperature;
    std::optional<int> max_output_tokens;
    core::Deadline deadline = core::Deadline::never();
    std::string idempotency_key;  ///< sent where not empty
};

struct Usage {
    std::int64_t input_tokens = 0;  ///< all of them, cached ones included
    std::int64_t output_tokens = 0;
    std::int64_t cached_input_tokens = 0;  ///< read from the provider's cache
    std::int64_t cache_write_tokens = 0;   ///< written to it; part of input_tokens, too
    std::int64_t reasoning_tokens = 0;     ///< part of output_tokens
};

struct ChatAnswer {
    std::string content;
    std::vector<ToolCall> tool_calls;
    std::string finish_reason;                ///< stop, length, tool_calls, content_filter, or the provider's own word
    std::string model;                        ///< as the provider names it
    std::optional<Usage> usage;               ///< unset where the provider did not tell
    std::optional<ProviderParts> parts = {};  ///< unset where content and tool_calls lose nothing
};

/// Told each piece of the answer's text as it arrives, on the coroutine's executor. May be empty.
using OnDelta = std::function<void(std::string_view)>;

class ChatModel {
public:
    virtual ~ChatModel() = default;

    /// Asks for the next message. All text of the answer is valid UTF-8 without NUL.
    /// The coroutine's cancellation slot ends the call.
    [[nodiscard]] virtual asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest request,
                                                                                          OnDelta on_delta) = 0;
    /// Where answers come from, for metadata: "openai", "offline".
    [[nodiscard]] virtual std::string_view runtime() const noexcept = 0;
};

[[nodiscard]] std::string_view to_string(Role role) noexcept;

}  // namespace oiab::clients

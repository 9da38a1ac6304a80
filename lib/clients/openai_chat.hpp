#pragma once
/// @file  Chat completions as OpenAI defined them and many others speak them (vLLM, Ollama, LiteLLM, Azure).
/// Any number of coroutines at once.

#include <optional>

#include "clients/chat.hpp"
#include "clients/http_client.hpp"
#include "clients/openai_paths.hpp"
#include "clients/provider.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

enum class Streaming { kOn, kOff };
enum class UsageInStream { kAsk, kOmit };
enum class TokenLimitName { kByModel, kMaxCompletionTokens, kMaxTokens };

struct OpenAiChatSettings {
    ProviderSettings provider;
    OpenAiPaths paths{};
    std::optional<int> max_output_tokens{};  ///< where the request names no lower one; none where unset
    Streaming streaming = Streaming::kOn;
    UsageInStream usage = UsageInStream::kAsk;  ///< kOmit for servers that refuse stream_options
    /// By the model's name, reasoning models want max_completion_tokens and the others max_tokens. One that hides
    /// behind another name (a deployment's) says so when it refuses; then it is asked once more in its word.
    TokenLimitName token_limit = TokenLimitName::kByModel;
};

class OpenAiChat final : public ChatModel {
public:
    /// @param http, clock  outlive this object
    OpenAiChat(HttpClient& http, OpenAiChatSettings settings, const core::Clock& clock);

    [[nodiscard]] asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest request,
                                                                                  OnDelta on_delta) override;
    [[nodiscard]] std::string_view runtime() const noexcept override { return "openai"; }

private:
    using Answer = std::expected<ChatAnswer, ModelError>;

    asio::awaitable<Answer> send(ChatRequest request, TokenLimitName token_limit, OnDelta on_delta);
    asio::awaitable<Answer> complete_whole(HttpRequest request, OnDelta on_delta);
    asio::awaitable<Answer> complete_streamed(HttpRequest request, OnDelta on_delta);
    asio::awaitable<Answer> read_events(HttpStream stream, core::Deadline deadline, OnDelta on_delta);
    [[nodiscard]] Answer read_whole(const HttpHead& head, const std::string& body, const OnDelta& on_delta) const;

    HttpClient& http_;
    OpenAiChatSettings settings_;
    const core::Clock& clock_;
};

}  // namespace oiab::clients

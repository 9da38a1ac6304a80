#pragma once
/// @file  Anthropic's messages, streamed. Any number of coroutines at once.

#include "clients/chat.hpp"
#include "clients/http_client.hpp"
#include "clients/provider.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// The protocol's name in ProviderParts.
inline constexpr const char* kAnthropicProtocol = "anthropic";

/// kWithTools marks prompts of agents' loops for the provider's cache: each round sends everything again, and reading
/// costs a tenth of sending, writing a quarter more. A request without tools is mostly sent once.
enum class PromptCache { kWithTools, kOff };

struct AnthropicSettings {
    ProviderSettings provider;
    int max_output_tokens = 8192;  ///< the protocol requires one; a request may name a lower one
    PromptCache cache = PromptCache::kWithTools;
    std::string version = "2023-06-01";  ///< header anthropic-version: the wire format that is spoken here
};

class AnthropicChat final : public ChatModel {
public:
    /// @param http, clock  outlive this object
    AnthropicChat(HttpClient& http, AnthropicSettings settings, const core::Clock& clock);

    [[nodiscard]] asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest request,
                                                                                  OnDelta on_delta) override;
    [[nodiscard]] std::string_view runtime() const noexcept override { return "anthropic"; }

private:
    using Answer = std::expected<ChatAnswer, ModelError>;

    asio::awaitable<Answer> read_events(HttpStream stream, core::Deadline deadline, OnDelta on_delta);
    [[nodiscard]] Answer read_whole(const HttpHead& head, const std::string& body, const OnDelta& on_delta) const;

    HttpClient& http_;
    AnthropicSettings settings_;
    const core::Clock& clock_;
};

}  // namespace oiab::clients

#pragma once
/// @file  Which dialect a provider speaks, and the client that speaks it. For whoever reads provider rows or settings.
/// Values and free functions; any thread.

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clients/chat.hpp"
#include "clients/embeddings.hpp"
#include "clients/http_client.hpp"
#include "clients/provider.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

class RefusedBase64;

/// As providers.kind names them: openai-compatible, openai, azure-openai, anthropic.
enum class ChatProtocol { kOpenAiCompatible, kOpenAi, kAzureOpenAi, kAnthropic };

[[nodiscard]] std::string_view to_string(ChatProtocol protocol) noexcept;
/// @returns the protocol, or a sentence that names those there are.
[[nodiscard]] std::expected<ChatProtocol, std::string> parse_chat_protocol(std::string_view name);

/// Where the protocol's own provider is reached; empty for those that have an address for every customer
/// (azure-openai) or none at all (openai-compatible).
[[nodiscard]] std::string_view default_base_url(ChatProtocol protocol) noexcept;

struct ChatEndpoint {
    ChatProtocol protocol = ChatProtocol::kOpenAiCompatible;
    /// An empty base_url means the default one. For azure-openai it is the resource ("https://NAME.openai.azure.com");
    /// for a bearer token instead of a key (Entra), `auth` must say kBearer.
    ProviderSettings provider{};
    /// azure-openai: a dated one ("2024-10-21") selects the deployment paths, an empty one the newer /openai/v1/.
    std::string api_version{};
    std::string deployment{};  ///< azure-openai with an api_version: empty where it is called like the model
    /// For requests that name no lower limit of their own. Anthropic requires one: kDefaultMaxOutputTokens where unset.
    std::optional<int> max_output_tokens{};
};

/// Where neither request nor endpoint says more. Every Claude model since 3.5 may write as much.
inline constexpr int kDefaultMaxOutputTokens = 8192;

/// What is missing or contradictory in the endpoint, as a sentence; nullopt where it can be used. No network.
[[nodiscard]] std::optional<std::string> find_fault(const ChatEndpoint& endpoint);

/// The endpoint as it will be called: with the default address and credentials' header where it names none.
/// @throws std::invalid_argument with what find_fault says
[[nodiscard]] ChatEndpoint with_defaults(ChatEndpoint endpoint);

/// @param http, clock  outlive the model
/// @throws std::invalid_argument with what find_fault says
[[nodiscard]] std::shared_ptr<ChatModel> make_chat_model(HttpClient& http, ChatEndpoint endpoint,
                                                         const core::Clock& clock);

/// Embeddings of the same endpoint. Anthropic has none.
/// @param model  also the deployment's name on Azure, where the endpoint names none
/// @param refused_base64  what embedders of this process have learned of servers; nullptr: nothing is remembered
/// @throws std::invalid_argument as make_chat_model, and for anthropic
[[nodiscard]] std::shared_ptr<Embedder> make_embedder(HttpClient& http, ChatEndpoint endpoint, std::string model,
                                                      const core::Clock& clock,
                                                      std::shared_ptr<RefusedBase64> refused_base64 = nullptr);

}  // namespace oiab::clients

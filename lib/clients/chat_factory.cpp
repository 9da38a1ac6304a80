#include "clients/chat_factory.hpp"

#include <array>
#include <stdexcept>
#include <utility>

#include "clients/anthropic_chat.hpp"
#include "clients/openai_chat.hpp"
#include "clients/openai_embeddings.hpp"

namespace oiab::clients {
namespace {

struct Dialect {
    ChatProtocol protocol;
    std::string_view name;
    std::string_view base_url;
    ProviderAuth auth;
};

constexpr std::array<Dialect, 4> kDialects{{
    {ChatProtocol::kOpenAiCompatible, "openai-compatible", "", ProviderAuth::kBearer},
    {ChatProtocol::kOpenAi, "openai", "https://api.openai.com/v1", ProviderAuth::kBearer},
    {ChatProtocol::kAzureOpenAi, "azure-openai", "", ProviderAuth::kApiKey},
    {ChatProtocol::kAnthropic, "anthropic", "https://api.anthropic.com/v1", ProviderAuth::kXApiKey},
}};

const Dialect& dialect_of(ChatProtocol protocol) noexcept {
    for (const Dialect& dialect : kDialects) {
        if (dialect.protocol == protocol) return dialect;
    }
    return kDialects.front();
}

/// Models of this family can shorten their vectors; others refuse to be asked.
bool knows_dimensions(const std::string& model) { return model.find("text-embedding-3") != std::string::npos; }

bool is_plain_openai(const ChatEndpoint& endpoint) {
    return endpoint.protocol == ChatProtocol::kOpenAi ||
           (endpoint.protocol == ChatProtocol::kAzureOpenAi && endpoint.api_version.empty());
}

/// People paste the resource's address with and without the API's path.
void address_azure(ProviderSettings& provider, bool dated) {
    std::string& base = provider.base_url;
    std::string query;
    if (const auto mark = base.find('?'); mark != std::string::npos) {
        query = base.substr(mark);
        base.erase(mark);
    }
    for (const std::string_view tail : {"/", "/v1", "/", "/openai", "/"}) {
        while (base.ends_with(tail)) base.erase(base.size() - tail.size());
    }
    if (!dated) base += "/openai/v1";
    base += query;
}

/// Some settings for this provider have the version in the address, others only the host.
void address_anthropic(std::string& base) {
    while (base.ends_with('/')) base.pop_back();
    const auto host = base.find("://") + 3;
    if (base.find('/', host) == std::string::npos && base.find('?', host) == std::string::npos) base += "/v1";
}

void complete_endpoint(ChatEndpoint& endpoint) {
    if (const auto fault = find_fault(endpoint)) throw std::invalid_argument{*fault};
    const Dialect& dialect = dialect_of(endpoint.protocol);
    if (endpoint.provider.base_url.empty()) endpoint.provider.base_url = dialect.base_url;
    if (endpoint.provider.auth == ProviderAuth::kByProtocol) endpoint.provider.auth = dialect.auth;
    if (endpoint.protocol == ChatProtocol::kAnthropic) address_anthropic(endpoint.provider.base_url);
    if (endpoint.protocol == ChatProtocol::kAzureOpenAi) {
        address_azure(endpoint.provider, !endpoint.api_version.empty());
    } else {
        endpoint.api_version.clear();
        endpoint.deployment.clear();
    }
}

}  // namespace

std::string_view to_string(ChatProtocol protocol) noexcept { return dialect_of(protocol).name; }

std::expected<ChatProtocol, std::string> parse_chat_protocol(std::string_view name) {
    std::string names;
    for (const Dialect& dialect : kDialects) {
        if (dialect.name == name) return dialect.protocol;
        names += (names.empty() ? "" : ", ") + std::string{dialect.name};
    }
    return std::unexpected{"no provider of the kind \"" + std::string{name} + "\" is known; there are " + names};
}

std::string_view default_base_url(ChatProtocol protocol) noexcept { return dialect_of(protocol).base_url; }

std::optional<std::string> find_fault(const ChatEndpoint& endpoint) {
    const Dialect& dialect = dialect_of(endpoint.protocol);
    const std::string& url = endpoint.provider.base_url;
    if (url.empty() && dialect.base_url.empty()) {
        return "a provider of the kind " + std::string{dialect.name} + " needs a base URL";
    }
    if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
        return "the base URL of a provider must begin with https:// or http://";
    }
    if (url.empty() && endpoint.provider.api_key.empty()) {
        return "a provider of the kind " + std::string{dialect.name} + " needs a key";
    }
    return std::nullopt;
}

std::shared_ptr<ChatModel> make_chat_model(HttpClient& http, ChatEndpoint endpoint, const core::Clock& clock) {
    complete_endpoint(endpoint);
    if (endpoint.protocol == ChatProtocol::kAnthropic) {
        AnthropicSettings settings;
        settings.provider = std::move(endpoint.provider);
        settings.max_output_tokens = endpoint.max_output_tokens.value_or(kDefaultMaxOutputTokens);
        return std::make_shared<AnthropicChat>(http, std::move(settings), clock);
    }
    OpenAiChatSettings settings;
    if (is_plain_openai(endpoint)) settings.token_limit = TokenLimitName::kMaxCompletionTokens;
    settings.provider = std::move(endpoint.provider);
    settings.paths = {std::move(endpoint.api_version), std::move(endpoint.deployment)};
    settings.max_output_tokens = endpoint.max_output_tokens;
    return std::make_shared<OpenAiChat>(http, std::move(settings), clock);
}

std::shared_ptr<Embedder> make_embedder(HttpClient& http, ChatEndpoint endpoint, std::string model,
                                        const core::Clock& clock, std::shared_ptr<RefusedBase64> refused_base64) {
    if (endpoint.protocol == ChatProtocol::kAnthropic) throw std::invalid_argument{"anthropic offers no embeddings"};
    complete_endpoint(endpoint);
    OpenAiEmbedderSettings settings;
    settings.provider = std::move(endpoint.provider);
    settings.paths = {std::move(endpoint.api_version), std::move(endpoint.deployment)};
    if (knows_dimensions(model)) settings.dimensions = DimensionsParameter::kSend;
    settings.model = std::move(model);
    settings.refused_base64 = std::move(refused_base64);
    return std::make_shared<OpenAiEmbedder>(http, std::move(settings), clock);
}

ChatEndpoint with_defaults(ChatEndpoint endpoint) {
    complete_endpoint(endpoint);
    return endpoint;
}

}  // namespace oiab::clients

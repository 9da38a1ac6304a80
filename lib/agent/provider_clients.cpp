#include "agent/provider_clients.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "agent/provider_choice.hpp"
#include "clients/openai_embeddings.hpp"
#include "clients/provider_probe.hpp"
#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using clients::ModelError;
using clients::ModelErrorClass;
using nlohmann::json;

std::string text_setting(const json& settings, const char* name) {
    const auto found = settings.find(name);
    return found != settings.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// A header with a line break in it would be two.
bool is_header_text(std::string_view text) {
    return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

/// `settings` of a row: {"auth": "bearer" | "api-key", "deployment": …, "maxOutputTokens": …, "headers": {…}}.
std::optional<std::string> read_settings(const std::string& text, clients::ChatEndpoint& endpoint) {
    const json settings = core::parse_foreign_json(text);
    if (!settings.is_object()) return std::nullopt;
    endpoint.deployment = text_setting(settings, "deployment");
    const auto auth = text_setting(settings, "auth");
    if (auth == "bearer") endpoint.provider.auth = clients::ProviderAuth::kBearer;
    else if (auth == "api-key") endpoint.provider.auth = clients::ProviderAuth::kApiKey;
    else if (!auth.empty()) return "its settings.auth must be bearer or api-key";
    if (const auto most = settings.find("maxOutputTokens"); most != settings.end()) {
        if (!most->is_number_integer() || *most < 1 || *most > 10'000'000)
            return "its settings.maxOutputTokens must be a number from 1";
        endpoint.max_output_tokens = most->get<int>();
    }
    const auto headers = settings.find("headers");
    if (headers == settings.end()) return std::nullopt;
    if (!headers->is_object()) return "its settings.headers must be an object";
    for (const auto& [name, value] : headers->items()) {
        if (name.empty() || !value.is_string() || !is_header_text(name) ||
            !is_header_text(value.get_ref<const std::string&>()))
            return "its settings.headers must have texts of one line";
        endpoint.provider.headers.emplace_back(name, value.get<std::string>());
    }
    return std::nullopt;
}

std::unexpected<RowFault> fault(const store::ProviderRow& row, bool may_pass, std::string_view what) {
    return std::unexpected{RowFault{may_pass, fmt::format("the provider \"{}\": {}", provider_name(row), what)}};
}

ModelError error_of(const RowFault& fault) {
    ModelError error;
    error.kind = fault.may_pass ? ModelErrorClass::kRetryable : ModelErrorClass::kPermanent;
    error.message = fault.message;
    return error;
}

}  // namespace

/// What calls of all rows share. Outlives the models that were made from it.
class RowEndpoints {
public:
    std::shared_ptr<secrets::Keyring> keyring;
    clients::HttpClient& http;
    std::shared_ptr<clients::ProviderTraffic> traffic;
    const core::Clock& clock;
    RowAddresses addresses;
    std::shared_ptr<clients::RefusedBase64> refused_base64 = std::make_shared<clients::RefusedBase64>();

    [[nodiscard]] std::expected<clients::ChatEndpoint, RowFault> endpoint(const store::ProviderRow& row) const {
        clients::ChatEndpoint endpoint;
        const auto protocol = clients::parse_chat_protocol(row.kind);
        if (!protocol) return fault(row, false, protocol.error());
        endpoint.protocol = *protocol;
        endpoint.provider.base_url = row.base_url;
        endpoint.provider.only_public =
            addresses == RowAddresses::kPublic && row.owner != store::ProviderOwner::kInstallation;
        endpoint.api_version = row.api_version;
        if (const auto wrong = read_settings(row.settings, endpoint)) return fault(row, false, *wrong);
        if (!row.credentials.empty()) {
            const auto key = keyring->open(row.credentials);
            if (!key)
                return fault(row, key.error().trouble != secrets::KeyringTrouble::kNotABox,
                             "its credentials cannot be decrypted: " + key.error().message);
            if (!is_header_text(key->view())) return fault(row, false, "its key has a line break or a NUL in it");
            endpoint.provider.api_key = key->view();
        }
        if (const auto wrong = clients::find_fault(endpoint)) return fault(row, false, *wrong);
        return endpoint;
    }

    [[nodiscard]] static clients::TrafficIdentity identity(const store::ProviderRow& row,
                                                           const clients::ChatEndpoint& endpoint) {
        const auto& provider = endpoint.provider;
        return clients::make_identity(provider_name(row),
                                      provider.base_url.empty() ? clients::default_base_url(endpoint.protocol)
                                                                : std::string_view{provider.base_url},
                                      provider.api_key);
    }
};

namespace {

/// A model of a row: the client lives as long as one call.
class RowChat final : public clients::ChatModel {
public:
    RowChat(std::shared_ptr<const RowEndpoints> endpoints, std::shared_ptr<const store::ProviderRow> row)
        : endpoints_{std::move(endpoints)}, row_{std::move(row)} {}

    asio::awaitable<std::expected<clients::ChatAnswer, ModelError>> complete(clients::ChatRequest request,
                                                                             clients::OnDelta on_delta) override {
        auto endpoint = endpoints_->endpoint(*row_);
        if (!endpoint) co_return std::unexpected{error_of(endpoint.error())};
        auto identity = RowEndpoints::identity(*row_, *endpoint);
        auto model = clients::make_chat_model(endpoints_->http, std::move(*endpoint), endpoints_->clock);
        secrets::wipe(endpoint->provider.api_key);  // a short key is still there after the move
        const auto guarded = clients::make_guarded(std::move(model), endpoints_->traffic, std::move(identity));
        co_return co_await guarded->complete(std::move(request), std::move(on_delta));
    }
    [[nodiscard]] std::string_view runtime() const noexcept override { return row_->kind; }

private:
    std::shared_ptr<const RowEndpoints> endpoints_;
    std::shared_ptr<const store::ProviderRow> row_;
};

class RowEmbedder final : public clients::Embedder {
public:
    RowEmbedder(std::shared_ptr<const RowEndpoints> endpoints, std::shared_ptr<const store::ProviderRow> row,
                std::string model)
        : endpoints_{std::move(endpoints)}, row_{std::move(row)}, model_{std::move(model)} {}

    asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                          core::Deadline deadline) override {
        auto endpoint = endpoints_->endpoint(*row_);
        if (!endpoint) co_return std::unexpected{error_of(endpoint.error())};
        if (endpoint->protocol == clients::ChatProtocol::kAnthropic)
            co_return std::unexpected{error_of({false, "anthropic offers no embeddings"})};
        auto identity = RowEndpoints::identity(*row_, *endpoint);
        auto embedder = clients::make_embedder(endpoints_->http, std::move(*endpoint), model_, endpoints_->clock,
                                               endpoints_->refused_base64);
        secrets::wipe(endpoint->provider.api_key);
        const auto guarded = clients::make_guarded(std::move(embedder), endpoints_->traffic, std::move(identity));
        co_return co_await guarded->embed(std::move(texts), deadline);
    }
    [[nodiscard]] std::string_view model() const noexcept override { return model_; }

private:
    std::shared_ptr<const RowEndpoints> endpoints_;
    std::shared_ptr<const store::ProviderRow> row_;
    std::string model_;
};

class MissingEndpoint final : public clients::ChatModel {
public:
    asio::awaitable<std::expected<clients::ChatAnswer, ModelError>> complete(clients::ChatRequest,
                                                                             clients::OnDelta) override {
        ModelError error;
        error.kind = ModelErrorClass::kPermanent;
        error.message = "no endpoint is configured (llm_base_url, llm_model)";
        co_return std::unexpected{std::move(error)};
    }
    [[nodiscard]] std::string_view runtime() const noexcept override { return "openai"; }
};

}  // namespace

ProviderClients::ProviderClients(std::shared_ptr<secrets::Keyring> keyring, clients::HttpClient& http,
                                 std::shared_ptr<clients::ProviderTraffic> traffic, const core::Clock& clock,
                                 RowAddresses addresses)
    : endpoints_{std::make_shared<const RowEndpoints>(
          RowEndpoints{std::move(keyring), http, std::move(traffic), clock, addresses})} {}

std::expected<clients::ChatEndpoint, RowFault> ProviderClients::endpoint(const store::ProviderRow& row) const {
    return endpoints_->endpoint(row);
}

std::optional<RowFault> ProviderClients::find_fault(const store::ProviderRow& row) const {
    auto endpoint = endpoints_->endpoint(row);
    if (!endpoint) return std::move(endpoint.error());
    secrets::wipe(endpoint->provider.api_key);
    return std::nullopt;
}

asio::awaitable<RowCheck> ProviderClients::check(const store::ProviderRow& row, core::Deadline deadline) const {
    auto endpoint = endpoints_->endpoint(row);
    if (!endpoint)
        co_return RowCheck{endpoint.error().may_pass ? CheckVerdict::kUnclear : CheckVerdict::kDead,
                           {},
                           {},
                           std::move(endpoint.error().message)};
    const json settings = core::parse_foreign_json(row.settings);
    const bool by_word = settings.is_object() && text_setting(settings, "check") == "chat";
    const auto way = by_word ? clients::ProbeWay::kByWord : clients::ProbeWay::kByList;
    std::string model = row.default_model;
    auto probed = co_await clients::probe_provider(endpoints_->http, std::move(*endpoint), std::move(model), way,
                                                   endpoints_->clock, deadline);
    if (probed) co_return RowCheck{CheckVerdict::kWorks, std::move(probed->models), probed->latency, {}};
    const bool refused = probed.error().kind == ModelErrorClass::kPermanent && probed.error().status != 0;
    co_return RowCheck{
        refused ? CheckVerdict::kDead : CheckVerdict::kUnclear, {}, {}, std::move(probed.error().message)};
}

std::shared_ptr<clients::ChatModel> ProviderClients::chat(std::shared_ptr<const store::ProviderRow> row) const {
    return std::make_shared<RowChat>(endpoints_, std::move(row));
}

std::shared_ptr<clients::Embedder> ProviderClients::embedder(std::shared_ptr<const store::ProviderRow> row,
                                                             std::string model) const {
    return std::make_shared<RowEmbedder>(endpoints_, std::move(row), std::move(model));
}

std::shared_ptr<clients::ChatModel> make_missing_endpoint() { return std::make_shared<MissingEndpoint>(); }

}  // namespace oiab::agent

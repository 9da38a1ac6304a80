#include "clients/provider_probe.hpp"

#include <nlohmann/json.hpp>

#include "clients/openai_paths.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {
namespace {

/// Enough for a reasoning model to end by itself, and hardly a cost.
constexpr int kWordTokens = 16;
constexpr std::size_t kLongestModelName = 200;
constexpr std::size_t kLongestList = 16U << 20U;

HttpRequest list_request(const ChatEndpoint& endpoint, core::Deadline deadline) {
    std::string path = "/models";
    if (endpoint.protocol == ChatProtocol::kAnthropic) path += "?limit=1000";
    if (endpoint.protocol == ChatProtocol::kAzureOpenAi && !endpoint.api_version.empty())
        path = "/openai/models?api-version=" + percent_encoded(endpoint.api_version);
    auto request = make_provider_request(endpoint.provider, path, {}, deadline);
    request.method = "GET";
    request.idempotent = true;
    request.max_response_bytes = kLongestList;
    std::erase_if(request.headers, [](const auto& header) { return header.first == "Content-Type"; });
    if (endpoint.protocol == ChatProtocol::kAnthropic) request.headers.emplace_back("anthropic-version", "2023-06-01");
    return request;
}

/// {"data": [{"id": …}]}, or the bare array that some servers send.
std::vector<std::string> models_in(const nlohmann::json& body) {
    std::vector<std::string> models;
    const nlohmann::json* list = &body;
    if (body.is_object() && body.contains("data")) list = &body.at("data");
    if (!list->is_array()) return models;
    for (const auto& item : *list) {
        auto name = text_member(item, "id");
        if (name.empty() || name.size() > kLongestModelName) continue;
        models.push_back(std::move(name));
        if (models.size() == kMostListedModels) break;
    }
    return models;
}

/// The server has no such list: it says nothing about the credentials.
bool has_no_list(int status) { return status == 404 || status == 405 || status == 501; }

class Probe {
public:
    Probe(HttpClient& http, ChatEndpoint endpoint, std::string model, const core::Clock& clock, core::Deadline deadline)
        : http_{http}, endpoint_{std::move(endpoint)}, model_{std::move(model)}, clock_{clock}, deadline_{deadline} {}

    /// @returns nullopt where the server has no list
    asio::awaitable<std::optional<std::expected<ProbeAnswer, ModelError>>> by_list() {
        const auto endpoint = with_defaults(endpoint_);
        const auto begun = clock_.now();
        auto request = list_request(endpoint, deadline_);
        const auto response = co_await http_.send(std::move(request));
        if (!response) co_return std::unexpected{model_error_of(response.error(), deadline_)};
        if (has_no_list(response->status())) co_return std::nullopt;
        if (response->status() != 200)
            co_return std::unexpected{
                model_error_of(endpoint.provider, response->head, response->body, clock_.wall_now())};
        const auto body = parse_provider_json(response->body);
        // A page of a proxy or a portal: whoever sent it is not the provider.
        if (body.is_discarded()) co_return std::unexpected{garbled_answer("its list of models is not JSON")};
        co_return ProbeAnswer{models_in(body), since(begun)};
    }

    asio::awaitable<std::expected<ProbeAnswer, ModelError>> by_word() {
        if (model_.empty()) {
            ModelError error;
            error.message = "the provider has no list of models, and no default model was named that could be asked";
            co_return std::unexpected{std::move(error)};
        }
        ChatRequest request;
        request.model = model_;
        request.messages.emplace_back();
        request.messages.back().content = "Say: ok";
        request.max_output_tokens = kWordTokens;
        request.deadline = deadline_;
        const auto begun = clock_.now();
        const auto chat = make_chat_model(http_, endpoint_, clock_);
        auto answer = co_await chat->complete(std::move(request), {});
        if (!answer) co_return std::unexpected{std::move(answer.error())};
        co_return ProbeAnswer{{}, since(begun)};
    }

private:
    [[nodiscard]] std::chrono::milliseconds since(core::SteadyTime begun) const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - begun);
    }

    HttpClient& http_;
    ChatEndpoint endpoint_;
    std::string model_;
    const core::Clock& clock_;
    core::Deadline deadline_;
};

}  // namespace

asio::awaitable<std::expected<ProbeAnswer, ModelError>> probe_provider(HttpClient& http, ChatEndpoint endpoint,
                                                                       std::string model, ProbeWay way,
                                                                       const core::Clock& clock,
                                                                       core::Deadline deadline) {
    Probe probe{http, std::move(endpoint), std::move(model), clock, deadline};
    if (way == ProbeWay::kByList)
        if (auto listed = co_await probe.by_list()) co_return std::move(*listed);
    co_return co_await probe.by_word();
}

}  // namespace oiab::clients

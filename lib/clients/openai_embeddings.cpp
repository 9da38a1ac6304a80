#include "clients/openai_embeddings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "clients/embeddings_answer.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// The provider understood the request and wants none of it: perhaps because of one text.
bool may_blame_a_text(const ModelError& error) {
    if (error.kind == ModelErrorClass::kContextLength) return true;
    return error.kind == ModelErrorClass::kPermanent &&
           (error.status == 400 || error.status == 413 || error.status == 422);
}

bool is_usable(const std::vector<float>& vector) {
    return std::any_of(vector.begin(), vector.end(), [](float value) { return value != 0.0F; });
}

/// More addresses than any installation has; who exceeds it is asked once more.
constexpr std::size_t kMostRefused = 1000;

}  // namespace

bool RefusedBase64::contains(const std::string& address) const {
    const std::scoped_lock lock{mutex_};
    return addresses_.contains(address);
}

void RefusedBase64::add(const std::string& address) {
    const std::scoped_lock lock{mutex_};
    if (addresses_.size() >= kMostRefused) addresses_.clear();
    addresses_.insert(address);
}

/// What one embed() has done so far.
struct OpenAiEmbedder::Work {
    std::vector<std::string> texts;
    core::Deadline deadline;
    Embeddings done;
    bool provider_accepts = false;  ///< some text has been embedded, so a refusal is about the text refused
};

OpenAiEmbedder::OpenAiEmbedder(HttpClient& http, OpenAiEmbedderSettings settings, const core::Clock& clock)
    : http_{http}, settings_{std::move(settings)}, clock_{clock} {
    if (!settings_.refused_base64) settings_.refused_base64 = std::make_shared<RefusedBase64>();
}

asio::awaitable<std::expected<Embeddings, ModelError>> OpenAiEmbedder::embed(std::vector<std::string> texts,
                                                                             core::Deadline deadline) {
    Work work{std::move(texts), deadline, {}, false};
    work.done.model = settings_.model;
    work.done.items.resize(work.texts.size());
    const std::size_t step = std::max<std::size_t>(1, settings_.max_batch);
    for (std::size_t begin = 0; begin < work.texts.size(); begin += step) {
        const std::size_t end = std::min(begin + step, work.texts.size());
        if (auto done = co_await embed_range(work, begin, end); !done) {
            // What was embedded before is lost to the caller, but not free.
            done.error().may_be_billed |= work.provider_accepts;
            co_return std::unexpected{std::move(done.error())};
        }
    }
    co_return std::move(work.done);
}

asio::awaitable<std::expected<void, ModelError>> OpenAiEmbedder::embed_range(Work& work, std::size_t begin,
                                                                             std::size_t end) {
    std::vector<std::string> texts;
    std::vector<std::size_t> places;
    for (std::size_t i = begin; i < end; ++i) {
        if (work.texts[i].empty()) {
            work.done.items[i].refusal = "the text is empty";
            continue;
        }
        texts.push_back(work.texts[i]);
        places.push_back(i);
    }
    if (texts.empty()) co_return std::expected<void, ModelError>{};
    const VectorForm form = form_of_vectors();
    auto vectors = co_await call(work, std::move(texts), form);
    if (vectors) {
        for (std::size_t i = 0; i < places.size(); ++i) {
            Embedded& item = work.done.items[places[i]];
            if (is_usable((*vectors)[i])) item.vector = std::move((*vectors)[i]);
            else item.refusal = "the provider returned a vector of zeros";
        }
        work.provider_accepts = true;
        co_return std::expected<void, ModelError>{};
    }
    if (!may_blame_a_text(vectors.error())) co_return std::unexpected{vectors.error()};
    if (!work.provider_accepts) {
        const auto accepts = co_await probe(work, form);
        if (!accepts) co_return std::unexpected{accepts.error()};
        work.provider_accepts = true;
        if (form != form_of_vectors()) co_return co_await embed_range(work, begin, end);
    }
    if (places.size() == 1) {
        work.done.items[places.front()].refusal = vectors.error().message;
        co_return std::expected<void, ModelError>{};
    }
    const std::size_t middle = begin + (end - begin) / 2;
    if (auto left = co_await embed_range(work, begin, middle); !left) co_return left;
    co_return co_await embed_range(work, middle, end);
}

asio::awaitable<std::expected<void, ModelError>> OpenAiEmbedder::probe(Work& work, VectorForm form) {
    std::vector<std::string> harmless{"hello"};
    auto first = co_await call(work, harmless, form);
    if (first) co_return std::expected<void, ModelError>{};
    if (form == VectorForm::kBase64 && may_blame_a_text(first.error())) {
        // Perhaps it is the form that the server does not know.
        const auto as_numbers = co_await call(work, std::move(harmless), VectorForm::kNumbers);
        if (as_numbers) {
            settings_.refused_base64->add(address());
            co_return std::expected<void, ModelError>{};
        }
    }
    co_return std::unexpected{std::move(first.error())};
}

asio::awaitable<OpenAiEmbedder::Vectors> OpenAiEmbedder::call(Work& work, std::vector<std::string> texts,
                                                              VectorForm form) {
    json body{{"model", settings_.paths.model_name(settings_.model)},
              {"input", texts},
              {"encoding_format", form == VectorForm::kBase64 ? "base64" : "float"}};
    if (settings_.dimensions == DimensionsParameter::kSend) body["dimensions"] = kEmbeddingDimensions;
    HttpRequest request =
        make_provider_request(settings_.provider, settings_.paths.embeddings(settings_.model),
                              body.dump(-1, ' ', false, json::error_handler_t::replace), work.deadline);
    auto stream = co_await http_.open(std::move(request));
    if (!stream) co_return std::unexpected{model_error_of(stream.error(), work.deadline)};
    const auto response = co_await collect_answer(std::move(*stream));
    if (!response) co_return std::unexpected{model_error_of(response.error(), work.deadline)};
    if (response->status() != 200) {
        co_return std::unexpected{
            model_error_of(settings_.provider, response->head, response->body, clock_.wall_now())};
    }
    auto answer = read_embeddings(settings_.provider, settings_.model, response->body, texts.size());
    if (!answer) co_return std::unexpected{std::move(answer.error())};
    work.done.tokens += answer->tokens;
    co_return std::move(answer->vectors);
}

std::string OpenAiEmbedder::address() const {
    return settings_.provider.base_url + settings_.provider.unix_socket + settings_.paths.embeddings(settings_.model);
}

OpenAiEmbedder::VectorForm OpenAiEmbedder::form_of_vectors() const {
    return settings_.refused_base64->contains(address()) ? VectorForm::kNumbers : VectorForm::kBase64;
}

}  // namespace oiab::clients

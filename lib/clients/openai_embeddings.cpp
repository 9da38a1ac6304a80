#include "clients/openai_embeddings.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

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

}  // namespace

/// What one embed() has done so far.
struct OpenAiEmbedder::Work {
    std::vector<std::string> texts;
    core::Deadline deadline;
    Embeddings done;
    bool provider_accepts = false;  ///< some text has been embedded, so a refusal is about the text refused
};

OpenAiEmbedder::OpenAiEmbedder(HttpClient& http, OpenAiEmbedderSettings settings, const core::Clock& clock)
    : http_{http}, settings_{std::move(settings)}, clock_{clock} {}

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
    auto vectors = co_await call(work, std::move(texts));
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
        std::vector<std::string> harmless;
        harmless.emplace_back("hello");
        const auto probe = co_await call(work, std::move(harmless));
        if (!probe) co_return std::unexpected{probe.error()};
        work.provider_accepts = true;
    }
    if (places.size() == 1) {
        work.done.items[places.front()].refusal = vectors.error().message;
        co_return std::expected<void, ModelError>{};
    }
    const std::size_t middle = begin + (end - begin) / 2;
    if (auto left = co_await embed_range(work, begin, middle); !left) co_return left;
    co_return co_await embed_range(work, middle, end);
}

asio::awaitable<OpenAiEmbedder::Vectors> OpenAiEmbedder::call(Work& work, std::vector<std::string> texts) {
    json body{{"model", settings_.paths.model_name(settings_.model)}, {"input", texts}, {"encoding_format", "float"}};
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
    co_return read_vectors(work, response->body, texts.size());
}

OpenAiEmbedder::Vectors OpenAiEmbedder::read_vectors(Work& work, const std::string& body, std::size_t count) const {
    const json answer = parse_provider_json(body);
    if (!answer.is_object()) return std::unexpected{garbled_answer("it is not a JSON object")};
    if (answer.contains("error") && !answer["error"].is_null()) {
        return std::unexpected{model_error_in(settings_.provider, answer)};
    }
    const auto data = answer.find("data");
    if (data == answer.end() || !data->is_array() || data->size() != count) {
        return std::unexpected{garbled_answer("it does not hold one vector a text")};
    }
    std::vector<std::vector<float>> vectors(count);
    for (std::size_t i = 0; i < count; ++i) {
        const json& item = (*data)[i];
        const auto values = item.is_object() ? item.find("embedding") : item.end();
        if (!item.is_object() || values == item.end() || !values->is_array() || values->empty()) {
            return std::unexpected{garbled_answer("an item of it has no vector")};
        }
        if (values->size() > kEmbeddingDimensions) {
            return std::unexpected{ModelError{
                ModelErrorClass::kPermanent,
                "the embedding model " + settings_.model + " gives vectors of " + std::to_string(values->size()) +
                    " dimensions, but " + std::to_string(kEmbeddingDimensions) + " are the most that can be stored",
                std::nullopt, 200}};
        }
        // The list's own order counts where an item does not say its place.
        const bool placed = item.contains("index") && item["index"].is_number_unsigned();
        const std::size_t place = placed ? item["index"].get<std::size_t>() : i;
        if (place >= count || !vectors[place].empty()) {
            return std::unexpected{garbled_answer("two vectors claim one text")};
        }
        vectors[place].reserve(kEmbeddingDimensions);
        for (const json& value : *values) {
            const float number = value.is_number() ? value.get<float>() : std::nanf("");
            if (!std::isfinite(number)) return std::unexpected{garbled_answer("a vector holds what is no number")};
            vectors[place].push_back(number);
        }
        vectors[place].resize(kEmbeddingDimensions, 0.0F);  // zeros change no cosine
    }
    if (const auto usage = answer.find("usage"); usage != answer.end()) {
        const std::int64_t total = token_count(*usage, "total_tokens");
        work.done.tokens += total > 0 ? total : token_count(*usage, "prompt_tokens");
    }
    return vectors;
}

}  // namespace oiab::clients

#pragma once
/// @file  Embeddings as OpenAI defined them and many others speak them. Any number of coroutines at once.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "clients/embeddings.hpp"
#include "clients/http_client.hpp"
#include "clients/openai_paths.hpp"
#include "clients/provider.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

enum class DimensionsParameter { kSend, kOmit };

struct OpenAiEmbedderSettings {
    ProviderSettings provider;
    std::string model;
    OpenAiPaths paths{};
    /// kSend asks for kEmbeddingDimensions; for models that can shorten their vectors.
    DimensionsParameter dimensions = DimensionsParameter::kOmit;
    std::size_t max_batch = 96;  ///< texts in one call
};

class OpenAiEmbedder final : public Embedder {
public:
    /// @param http, clock  outlive this object
    OpenAiEmbedder(HttpClient& http, OpenAiEmbedderSettings settings, const core::Clock& clock);

    /// When the provider refuses a batch, the batch is halved until the refused texts are alone. Before it blames a
    /// text, it makes sure with a harmless one that the provider does not refuse everything (a wrong parameter).
    [[nodiscard]] asio::awaitable<std::expected<Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                               core::Deadline deadline) override;
    [[nodiscard]] std::string_view model() const noexcept override { return settings_.model; }

private:
    using Vectors = std::expected<std::vector<std::vector<float>>, ModelError>;
    struct Work;

    asio::awaitable<std::expected<void, ModelError>> embed_range(Work& work, std::size_t begin, std::size_t end);
    asio::awaitable<Vectors> call(Work& work, std::vector<std::string> texts);
    [[nodiscard]] Vectors read_vectors(Work& work, const std::string& body, std::size_t count) const;

    HttpClient& http_;
    OpenAiEmbedderSettings settings_;
    const core::Clock& clock_;
};

}  // namespace oiab::clients

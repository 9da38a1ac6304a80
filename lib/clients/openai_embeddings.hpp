#pragma once
/// @file  Embeddings as OpenAI defined them and many others speak them. Any number of coroutines at once.

#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "clients/embeddings.hpp"
#include "clients/http_client.hpp"
#include "clients/openai_paths.hpp"
#include "clients/provider.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// Addresses that refuse to send vectors as base64, which most servers do: it is a third of the bytes and a tenth of
/// the work. They are asked for numbers from then on. Shared by the embedders of a process, since those of provider
/// rows live for one call. Thread-safe.
class RefusedBase64 {
public:
    [[nodiscard]] bool contains(const std::string& address) const;
    void add(const std::string& address);

private:
    mutable std::mutex mutex_;
    std::set<std::string> addresses_;
};

enum class DimensionsParameter { kSend, kOmit };

struct OpenAiEmbedderSettings {
    ProviderSettings provider;
    std::string model;
    OpenAiPaths paths{};
    /// kSend asks for kEmbeddingDimensions; for models that can shorten their vectors.
    DimensionsParameter dimensions = DimensionsParameter::kOmit;
    std::size_t max_batch = 96;                               ///< texts in one call
    std::shared_ptr<RefusedBase64> refused_base64 = nullptr;  ///< nullptr: the embedder remembers for itself
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
    enum class VectorForm { kBase64, kNumbers };
    struct Work;

    asio::awaitable<std::expected<void, ModelError>> embed_range(Work& work, std::size_t begin, std::size_t end);
    /// Whether the provider embeds anything at all. Finds out, too, whether it knows base64.
    asio::awaitable<std::expected<void, ModelError>> probe(Work& work, VectorForm form);
    asio::awaitable<Vectors> call(Work& work, std::vector<std::string> texts, VectorForm form);
    [[nodiscard]] std::string address() const;
    [[nodiscard]] VectorForm form_of_vectors() const;

    HttpClient& http_;
    OpenAiEmbedderSettings settings_;
    const core::Clock& clock_;
};

}  // namespace oiab::clients

#pragma once
/// @file  Embeddings without a network or a model: likeness of words, not of meaning. For the first run, tests and
/// air-gapped trials. Deterministic; any number of coroutines at once.

#include "clients/embeddings.hpp"

namespace oiab::clients {

class OfflineEmbedder final : public Embedder {
public:
    /// Never fails; a text without any word is refused.
    [[nodiscard]] asio::awaitable<std::expected<Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                               core::Deadline deadline) override;
    [[nodiscard]] std::string_view model() const noexcept override { return "offline-lexical-2"; }
};

}  // namespace oiab::clients

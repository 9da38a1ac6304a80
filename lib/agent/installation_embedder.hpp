#pragma once
/// @file  Embeddings by a provider row of the installation. One row for everybody, since vectors of different models
/// cannot be compared. Thread-safe.

#include <memory>
#include <mutex>
#include <string>

#include "agent/provider_clients.hpp"

namespace oiab::agent {

class InstallationEmbedder final : public clients::Embedder {
public:
    InstallationEmbedder(std::shared_ptr<ProviderClients> clients, std::string provider, std::string model);

    /// Reads the row as it is now, so that the next call finds a key that was changed. Lane threads only.
    void refresh(pg::Transaction& tx);

    /// Answers kRetryable where there is no such row, or it was not read yet.
    [[nodiscard]] boost::asio::awaitable<std::expected<clients::Embeddings, clients::ModelError>> embed(
        std::vector<std::string> texts, core::Deadline deadline) override;
    [[nodiscard]] std::string_view model() const noexcept override { return model_; }

    /// As it was read last; nullptr for none.
    [[nodiscard]] std::shared_ptr<const store::ProviderRow> row() const;

private:
    const std::shared_ptr<ProviderClients> clients_;
    const std::string provider_;
    const std::string model_;
    mutable std::mutex mutex_;
    std::shared_ptr<const store::ProviderRow> row_;
};

}  // namespace oiab::agent

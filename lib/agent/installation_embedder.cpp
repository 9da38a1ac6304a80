#include "agent/installation_embedder.hpp"

#include <utility>

namespace oiab::agent {

namespace asio = boost::asio;

InstallationEmbedder::InstallationEmbedder(std::shared_ptr<ProviderClients> clients, std::string provider,
                                           std::string model)
    : clients_{std::move(clients)}, provider_{std::move(provider)}, model_{std::move(model)} {}

void InstallationEmbedder::refresh(pg::Transaction& tx) {
    auto found = store::find_installation_provider(tx, provider_);
    auto row = found ? std::make_shared<const store::ProviderRow>(std::move(*found)) : nullptr;
    const std::scoped_lock lock{mutex_};
    row_ = std::move(row);
}

asio::awaitable<std::expected<clients::Embeddings, clients::ModelError>> InstallationEmbedder::embed(
    std::vector<std::string> texts, core::Deadline deadline) {
    auto current = row();
    if (!current) {
        clients::ModelError error;
        error.message = "the provider \"" + provider_ + "\" that is to embed is not set up for the installation";
        co_return std::unexpected{std::move(error)};
    }
    const auto embedder = clients_->embedder(std::move(current), model_);
    co_return co_await embedder->embed(std::move(texts), deadline);
}

std::shared_ptr<const store::ProviderRow> InstallationEmbedder::row() const {
    const std::scoped_lock lock{mutex_};
    return row_;
}

}  // namespace oiab::agent

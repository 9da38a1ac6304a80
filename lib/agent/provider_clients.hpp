#pragma once
/// @file  Clients for provider rows: decrypts a row's credentials for the one call that needs them. One object a
/// process, so that all turns share connections, circuits and limits; those are kept by address and key, not by row,
/// which is why nothing is kept here. Thread-safe.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clients/chat_factory.hpp"
#include "clients/http_client.hpp"
#include "clients/provider_traffic.hpp"
#include "core/clock.hpp"
#include "core/deadline.hpp"
#include "secrets/keyring.hpp"
#include "store/providers.hpp"

namespace oiab::agent {

/// Why a row cannot be called, without a call.
struct RowFault {
    /// True: the credentials cannot be decrypted here and now, which another worker or a mended keyring may change.
    /// False: what the row says makes no sense.
    bool may_pass = false;
    std::string message;  ///< a sentence without the full stop and without anything secret
};

/// What a check of a row found.
enum class CheckVerdict {
    kWorks,
    kDead,     ///< the provider refuses these credentials, or the row makes no sense: somebody must act
    kUnclear,  ///< nobody could be asked: the network, an overload, a keyring without the key
};

struct RowCheck {
    CheckVerdict verdict = CheckVerdict::kUnclear;
    std::vector<std::string> models;  ///< that the provider lists
    std::chrono::milliseconds latency{0};
    std::string error;  ///< a sentence; empty: it works
};

/// Where rows of tenants and users may point. Those of the installation are the operator's own and may point anywhere.
enum class RowAddresses { kPublic, kAny };

class RowEndpoints;

class ProviderClients {
public:
    /// @param http, clock  outlive this object and every model made by it
    ProviderClients(std::shared_ptr<secrets::Keyring> keyring, clients::HttpClient& http,
                    std::shared_ptr<clients::ProviderTraffic> traffic, const core::Clock& clock,
                    RowAddresses addresses);

    /// The row as an endpoint, with the key in clear: for one call.
    [[nodiscard]] std::expected<clients::ChatEndpoint, RowFault> endpoint(const store::ProviderRow& row) const;

    /// Why the row could not be called now; nullopt where it could. Keeps no key.
    [[nodiscard]] std::optional<RowFault> find_fault(const store::ProviderRow& row) const;

    /// Makes the cheapest call that proves the credentials. `settings.check` of the row may say "chat", for servers
    /// that list their models to everybody. @param row  outlives the coroutine
    [[nodiscard]] boost::asio::awaitable<RowCheck> check(const store::ProviderRow& row, core::Deadline deadline) const;

    /// Each call decrypts the credentials anew and forgets them. A row that cannot be called answers kRetryable where
    /// that may pass, else kPermanent.
    [[nodiscard]] std::shared_ptr<clients::ChatModel> chat(std::shared_ptr<const store::ProviderRow> row) const;
    [[nodiscard]] std::shared_ptr<clients::Embedder> embedder(std::shared_ptr<const store::ProviderRow> row,
                                                              std::string model) const;

private:
    std::shared_ptr<const RowEndpoints> endpoints_;
};

/// In the place of the configured endpoint where there is none: refuses, naming the settings.
[[nodiscard]] std::shared_ptr<clients::ChatModel> make_missing_endpoint();

}  // namespace oiab::agent

#pragma once
/// @file  Model providers of a user, a tenant, the installation. Lane threads only; every function blocks and throws
/// what the transaction does.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace pqxx {
class row;
}

namespace oiab::store {

enum class ProviderOwner { kUser, kTenant, kInstallation };

struct ProviderRow {
    std::string id;
    ProviderOwner owner = ProviderOwner::kInstallation;
    std::string provider;  ///< as in {providerID, modelID}
    std::string kind;      ///< openai-compatible, openai, azure-openai, anthropic
    std::string base_url;
    std::string api_version;
    std::string credentials;  ///< encrypted (v1:iv:tag:ciphertext); never logged
    std::string default_model;
    bool preferred = false;
    std::string settings = "{}";  ///< JSON object
};

/// Every enabled row that the user may use, in the order in which they are to be tried: the user's own before the
/// tenant's before the installation's, preferred ones first within each.
[[nodiscard]] std::vector<ProviderRow> load_providers(pg::Transaction& tx, core::UserId user,
                                                      std::optional<core::TenantId> tenant);
/// So that it is asked with those of others; see pg::Transaction::announce.
void announce_providers(pg::Transaction& tx, core::UserId user, std::optional<core::TenantId> tenant);

/// The installation's own row of that name, where it is switched on.
[[nodiscard]] std::optional<ProviderRow> find_installation_provider(pg::Transaction& tx, const std::string& provider);

/// From a row of any statement that selects providers. Private to this layer.
[[nodiscard]] ProviderRow read_provider(const pqxx::row& row);

}  // namespace oiab::store

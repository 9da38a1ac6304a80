#include "store/providers.hpp"

#include "pg/questions.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

std::string question(core::UserId user, std::optional<core::TenantId> tenant) {
    return rows::dump({{"user_id", user.to_string()}, {"tenant_id", rows::json_of(tenant)}});
}

}  // namespace

ProviderRow read_provider(const pqxx::row& row) {
    ProviderRow provider;
    provider.id = rows::read_text(row["id"]);
    provider.owner = static_cast<ProviderOwner>(row["owner"].as<int>());
    provider.provider = rows::read_text(row["provider"]);
    provider.kind = rows::read_text(row["kind"]);
    provider.base_url = rows::read_text(row["base_url"]);
    provider.api_version = rows::read_text(row["api_version"]);
    provider.credentials = rows::read_text(row["credentials"]);
    provider.default_model = rows::read_text(row["default_model"]);
    provider.preferred = row["preferred"].as<bool>(false);
    provider.settings = rows::read_text(row["settings"]);
    return provider;
}

void announce_providers(pg::Transaction& tx, core::UserId user, std::optional<core::TenantId> tenant) {
    tx.announce(sql::load_providers, question(user, tenant));
}

std::vector<ProviderRow> load_providers(pg::Transaction& tx, core::UserId user, std::optional<core::TenantId> tenant) {
    std::vector<ProviderRow> providers;
    for (const auto& row : tx.look_for(sql::load_providers, question(user, tenant)))
        providers.push_back(read_provider(row));
    return providers;
}

std::optional<ProviderRow> find_installation_provider(pg::Transaction& tx, const std::string& provider) {
    const auto found = tx.run(sql::find_installation_provider, pqxx::params{provider});
    if (found.empty()) return std::nullopt;
    return read_provider(found[0]);
}

}  // namespace oiab::store

#pragma once
/// @file  Who somebody is and what their roles say. For whatever acts on a user's behalf. Lane threads only; every
/// function blocks and throws what the transaction does.

#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct UserRow {
    core::UserId id;
    std::optional<core::TenantId> tenant_id;  ///< empty in a single-operator installation
    std::string handle;
    std::string display_name;
    bool is_active = false;
    bool tenant_is_active = true;              ///< true where there is no tenant
    std::string tenant_slug;                   ///< empty where there is no tenant
    std::string tenant_settings = "{}";        ///< JSON object
    std::optional<double> tenant_month_limit;  ///< US dollars for all users of the tenant; empty = none
    /// `roles.permissions` of each role that the user has within the tenant, as JSON text.
    std::vector<std::string> role_permissions;
};

/// @returns nullopt where there is no such user.
[[nodiscard]] std::optional<UserRow> find_user(pg::Transaction& tx, core::UserId id);
/// So that it is asked with those of others; see pg::Transaction::announce.
void announce_user(pg::Transaction& tx, core::UserId id);

[[nodiscard]] std::optional<core::UserId> find_user_by_handle(pg::Transaction& tx, const std::string& handle);

/// The operator of an installation for one person. @returns nullopt where nobody or more than one has no tenant.
[[nodiscard]] std::optional<core::UserId> find_operator(pg::Transaction& tx);

}  // namespace oiab::store

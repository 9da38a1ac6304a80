#include "store/users.hpp"

#include "pg/questions.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

namespace {

std::string question(core::UserId id) { return rows::dump({{"user_id", id.to_string()}}); }

}  // namespace

void announce_user(pg::Transaction& tx, core::UserId id) { tx.announce(sql::find_users, question(id)); }

std::optional<UserRow> find_user(pg::Transaction& tx, core::UserId id) {
    const auto found = tx.look_for(sql::find_users, question(id));
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    UserRow user;
    user.id = rows::read_id<core::UserId>(row["id"]);
    user.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    user.handle = rows::read_text(row["handle"]);
    user.display_name = rows::read_text(row["display_name"]);
    user.is_active = row["is_active"].as<bool>();
    user.tenant_is_active = row["tenant_is_active"].as<bool>();
    user.tenant_slug = rows::read_text(row["tenant_slug"]);
    user.tenant_settings = rows::read_text(row["tenant_settings"]);
    user.tenant_month_limit = row["tenant_month_limit"].as<std::optional<double>>();
    for (const auto& role : nlohmann::json::parse(row["role_permissions"].view()))
        user.role_permissions.push_back(role.dump());
    return user;
}

std::optional<core::UserId> find_user_by_handle(pg::Transaction& tx, const std::string& handle) {
    const auto found = tx.run(sql::find_user_by_handle, pqxx::params{handle});
    if (found.empty()) return std::nullopt;
    return rows::read_id<core::UserId>(found[0]["id"]);
}

std::optional<core::UserId> find_operator(pg::Transaction& tx) {
    const auto found = tx.run(sql::find_users_without_tenant);
    if (found.size() != 1) return std::nullopt;
    return rows::read_id<core::UserId>(found[0]["id"]);
}

}  // namespace oiab::store

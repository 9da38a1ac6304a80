#include "agent/person.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "oiab/attempt.hpp"
#include "store/users.hpp"

namespace oiab::agent {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw EndAttempt{core::failed(core::FailureReason::kError, why)}; }

Permissions permissions_of(const store::UserRow& user) {
    if (!user.tenant_id && user.role_permissions.empty()) return operator_permissions();
    Permissions permissions;
    bool first = true;
    for (const auto& role : user.role_permissions) {
        const auto read = read_permissions(core::parse_foreign_json(role));
        permissions = first ? read : unite(std::move(permissions), read);
        first = false;
    }
    return permissions;
}

std::string runtime_of(const store::UserRow& user) {
    const auto settings = core::parse_foreign_json(user.tenant_settings);
    if (!settings.is_object()) return {};
    const auto found = settings.find("runtime");
    return found == settings.end() || !found->is_string() ? std::string{} : found->get<std::string>();
}

}  // namespace

store::MemoryReader Person::reader() const {
    return {user_id, tenant_id, permissions.read_own_memory, permissions.read_team_memory, permissions.read_org_memory};
}

Person load_person(pg::Transaction& tx, core::UserId id) {
    const auto user = store::find_user(tx, id);
    if (!user) refuse(fmt::format("there is no user {}", id.to_string()));
    if (!user->is_active) refuse(fmt::format("user {} is not active", id.to_string()));
    if (!user->tenant_is_active) refuse(fmt::format("the tenant of user {} is not active", id.to_string()));
    Person person{user->id, user->tenant_id, permissions_of(*user), user->tenant_slug, runtime_of(*user)};
    person.is_limited =
        person.permissions.monthly_limit_usd || person.permissions.per_request_limit_usd || user->tenant_month_limit;
    if (!person.permissions.run_agents) {
        refuse(fmt::format("no role of user {} allows running agents (agents.create)", id.to_string()));
    }
    return person;
}

std::optional<Permissions> find_permissions(pg::Transaction& tx, core::UserId id) {
    const auto user = store::find_user(tx, id);
    if (!user) return std::nullopt;
    return permissions_of(*user);
}

store::SessionRow load_session(pg::Transaction& tx, const Person& person, const std::string& session_id) {
    auto session = store::freeze_template(tx, session_id);
    if (!session) refuse("the session does not exist");
    if (session->user_id != person.user_id) refuse("the session belongs to another user");
    if (session->tenant_id && session->tenant_id != person.tenant_id) refuse("the session belongs to another tenant");
    if (!session->is_active) refuse("the session is not active");
    return std::move(*session);
}

}  // namespace oiab::agent

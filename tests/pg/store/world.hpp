#pragma once
/// @file  Two tenants with people in them, for the tests of the store. One thread.

#include <string>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"
#include "support/test_database.hpp"

namespace oiab::tests {

struct World {
    TestDatabase database;
    pg::Session sql{database.settings("store test")};
    core::TenantId contoso = id<core::TenantId>("a1");
    core::TenantId fabrikam = id<core::TenantId>("a2");
    core::UserId alice = id<core::UserId>("b1");  ///< member of contoso
    core::UserId bob = id<core::UserId>("b2");    ///< viewer of contoso
    core::UserId carol = id<core::UserId>("b3");  ///< owner of fabrikam
    core::UserId solo = id<core::UserId>("b4");   ///< a single operator: no tenant
    core::JobId job = id<core::JobId>("d1");
    core::JobId other_job = id<core::JobId>("d2");

    World() {
        database.execute(
            "INSERT INTO tenants (id, name, slug, settings) VALUES "
            "('00000000-0000-4000-8000-0000000000a1', 'Contoso', 'contoso', '{\"runtime\": \"offline\"}'), "
            "('00000000-0000-4000-8000-0000000000a2', 'Fabrikam', 'fabrikam', '{}');"
            "INSERT INTO users (id, handle, display_name, tenant_id) VALUES "
            "('00000000-0000-4000-8000-0000000000b1', 'alice', 'Alice', '00000000-0000-4000-8000-0000000000a1'), "
            "('00000000-0000-4000-8000-0000000000b2', 'bob', 'Bob', '00000000-0000-4000-8000-0000000000a1'), "
            "('00000000-0000-4000-8000-0000000000b3', 'carol', 'Carol', '00000000-0000-4000-8000-0000000000a2'), "
            "('00000000-0000-4000-8000-0000000000b4', 'solo', 'Solo', NULL);"
            "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT u.id, r.id, r.tenant_id FROM users u JOIN "
            "roles r ON r.tenant_id = u.tenant_id "
            "AND (u.handle, r.name) IN (('alice', 'member'), ('bob', 'viewer'), ('carol', 'owner'))");
    }

    /// 00000000-0000-4000-8000-0000000000<tail>
    template <typename Id>
    [[nodiscard]] static Id id(std::string_view tail) {
        return *Id::parse("00000000-0000-4000-8000-0000000000" + std::string{tail});
    }

    /// Runs the body in one transaction and commits.
    template <typename Body>
    decltype(auto) in(Body&& body) {
        return pg::in_transaction(sql, std::forward<Body>(body));
    }
};

}  // namespace oiab::tests

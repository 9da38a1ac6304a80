#pragma once
/// @file  On whose behalf a job works, and in which session. Lane threads only; every function blocks and throws what
/// the transaction does.

#include <optional>
#include <string>

#include "agent/permissions.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"
#include "store/memories.hpp"
#include "store/sessions.hpp"

namespace oiab::agent {

struct Person {
    core::UserId user_id;
    std::optional<core::TenantId> tenant_id;
    Permissions permissions;
    std::string tenant_slug;  ///< empty without a tenant
    std::string
        tenant_runtime;       ///< in which the tenant's settings want its turns to be run; empty where they do not say
    bool is_limited = false;  ///< some limit of cost holds for what the person does

    [[nodiscard]] store::MemoryReader reader() const;
};

/// Loads the user and unites their roles. @throws EndAttempt (failed) where user or tenant does not exist or is not
/// active, or where no role allows running agents; the error names which.
[[nodiscard]] Person load_person(pg::Transaction& tx, core::UserId user);

/// What the user's roles allow, whether or not the user is active. @returns nullopt where there is no such user.
[[nodiscard]] std::optional<Permissions> find_permissions(pg::Transaction& tx, core::UserId user);

/// Loads a session of that user, with its template frozen. @throws EndAttempt (failed) where it does not exist, belongs
/// to somebody else, or is not active.
[[nodiscard]] store::SessionRow load_session(pg::Transaction& tx, const Person& person, const std::string& session_id);

}  // namespace oiab::agent

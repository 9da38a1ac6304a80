#pragma once
/// @file  Entries of the audit log. Lane threads only; every function blocks and throws what the transaction does.

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct AuditEntry {
    std::optional<std::string> entry_key;  ///< key of the step that writes it: a repeated attempt writes it once
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string actor;   ///< user:<id>, system, agent:<session id>
    std::string action;  ///< dotted, such as agent.prompt
    std::string target;
    std::string session_id;
    std::string channel;
    std::optional<std::chrono::milliseconds> duration;
    std::string payload;  ///< JSON; hashes rather than contents. Empty = none
};

/// @returns how many were appended; those whose key was used before are left out.
std::size_t append_audit(pg::Transaction& tx, std::span<const AuditEntry> entries);

/// The retention routine: removes at most `batch` expired entries, oldest first. @returns how many; fewer than batch =
/// all.
std::size_t purge_audit(pg::Transaction& tx, int batch);

}  // namespace oiab::store

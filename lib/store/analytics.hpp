#pragma once
/// @file  Executions of tools as analytics keeps them, and whom reported events may belong to. Model calls are in
/// usage.hpp. Lane threads only; every function blocks and throws what the transaction does.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

/// Whom and what an event names.
struct EventOwner {
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string session_id;  ///< empty for none
    std::optional<core::JobId> job_id;
};

struct OwnerFault {
    std::size_t index = 0;
    std::string field;
    std::string what;
};

/// Gives each owner without a tenant its user's, and looks for names that do not exist or belong to another tenant.
/// @returns the first fault, or nullopt
[[nodiscard]] std::optional<OwnerFault> resolve_owners(pg::Transaction& tx, std::span<EventOwner> owners);

struct ToolEvent {
    std::string event_key;
    EventOwner owner;
    std::string tool;
    std::string outcome = "success";  ///< success, failure or denied
    std::string input_hash;           ///< SHA-256 in hexadecimal; empty for none
    std::string output_hash;
    std::optional<std::chrono::milliseconds> duration;
    std::string error;
};

/// Records each once by its key. @returns how many were recorded.
std::size_t record_tool_events(pg::Transaction& tx, std::span<const ToolEvent> events);

}  // namespace oiab::store

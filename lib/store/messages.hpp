#pragma once
/// @file  The history of a session. Lane threads only; every function blocks and throws what the transaction does.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

/// Appended once for each (job, step, ordinal), however often attempts repeat.
struct NewMessage {
    std::string role;  ///< system, user, assistant, tool
    std::string content;
    std::optional<std::string> parts;       ///< JSON, content blocks as the provider sent them
    std::optional<std::string> tool_calls;  ///< JSON array [{id, name, arguments}]
    std::optional<std::string> tool_call_id;
    std::optional<std::string> model;
    core::JobId job_id;
    std::string step;
    int ordinal = 0;
    std::string metadata = "{}";  ///< JSON object
};

struct MessageRow {
    std::int64_t seq = 0;
    std::string role;
    std::string content;
    std::optional<std::string> parts;
    std::optional<std::string> tool_calls;
    std::optional<std::string> tool_call_id;
    std::optional<core::JobId> job_id;
    std::string step;
    int ordinal = 0;
};

/// Appends those that are not there yet, in the given order and without gaps in seq. The session's row is locked until
/// the transaction ends, so that two writers cannot take the same place. Those who stream are told on commit (NOTIFY
/// oiab_sessions).
/// @returns how many were appended. @throws DatabaseError (kRefused) where there is no such session.
std::size_t append_messages(pg::Transaction& tx, const std::string& session_id, std::span<const NewMessage> messages);

/// The newest `limit` messages, oldest first.
[[nodiscard]] std::vector<MessageRow> load_messages(pg::Transaction& tx, const std::string& session_id,
                                                    int limit = 1000);
/// So that it is asked with those of others; see pg::Transaction::announce.
void announce_messages(pg::Transaction& tx, const std::string& session_id, int limit = 1000);
/// What one job added to the session, oldest first.
[[nodiscard]] std::vector<MessageRow> load_turn_messages(pg::Transaction& tx, const std::string& session_id,
                                                         core::JobId job);

}  // namespace oiab::store

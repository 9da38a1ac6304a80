#pragma once
/// @file  The leader's cron: plans the next firing of new and edited triggers and enqueues what is due. For the janitor
/// of the leading worker; one thread.

#include <chrono>
#include <optional>

#include "observe/log.hpp"
#include "pg/session.hpp"

namespace oiab::handlers {

/// Does what is to be done now: one cheap query where that is nothing. Blocks.
/// @returns how long until the next firing; nullopt where none is planned. @throws pg::DatabaseError
[[nodiscard]] std::optional<std::chrono::milliseconds> run_triggers(pg::Session& session, const observe::Log& log);

}  // namespace oiab::handlers

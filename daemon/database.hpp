#pragma once
/// @file  Commands and the database: a session made from the settings, and trouble told in one sentence.

#include <string>

#include "config/settings.hpp"
#include "pg/database_error.hpp"
#include "pg/migrator.hpp"
#include "pg/session.hpp"

namespace oiab::daemon {

/// @param purpose  shown as application_name `oiabd <purpose>` in pg_stat_activity
[[nodiscard]] pg::SessionSettings session_settings(const config::Settings& settings, const std::string& purpose);

[[nodiscard]] pg::MigratorSettings migrator_settings(const config::Settings& settings);

/// What went wrong and what would mend it, without the full stop. Never the URL, which may hold a password.
[[nodiscard]] std::string sentence_about(const pg::DatabaseError& error, const config::Settings& settings);

}  // namespace oiab::daemon

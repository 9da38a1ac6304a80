#include "daemon/database.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace oiab::daemon {
namespace {

/// The server's sentence alone: without libpqxx's "Failure during '…': ", and without the severity, which is in the
/// server's language ("ERROR:  ", "FEHLER:  ").
std::string bare(std::string_view text) {
    if (text.starts_with("Failure during '"))
        if (const auto end = text.find("': "); end != std::string_view::npos) text.remove_prefix(end + 3);
    if (const auto severity = text.find(":  "); severity < text.find(' ')) text.remove_prefix(severity + 3);
    while (text.ends_with('.') || text.ends_with(' ')) text.remove_suffix(1);
    return std::string{text};
}

/// undefined_table, undefined_column, undefined_function, invalid_schema_name
bool lacks_schema(std::string_view sqlstate) {
    return sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "42883" || sqlstate == "3F000";
}

bool is_told_where(const config::Settings& settings) {
    return !settings.database.url.empty() || std::getenv("PGHOST") != nullptr || std::getenv("PGSERVICE") != nullptr ||
           std::getenv("PGDATABASE") != nullptr;
}

}  // namespace

pg::SessionSettings session_settings(const config::Settings& settings, const std::string& purpose) {
    return {.url = settings.database.url,
            .application_name = "oiabd " + purpose,
            .connect_timeout = settings.database.connect_timeout,
            .statement_timeout = settings.database.statement_timeout,
            .prepare = settings.database.prepare == config::Prepare::kOff ? pg::Prepare::kOff : pg::Prepare::kAuto};
}

pg::MigratorSettings migrator_settings(const config::Settings& settings) {
    pg::MigratorSettings migrator;
    migrator.embeddings = settings.database.embeddings;
    migrator.legacy_dedupe_index = settings.database.legacy_dedupe_index;
    return migrator;
}

std::string sentence_about(const pg::DatabaseError& error, const config::Settings& settings) {
    const auto text = bare(error.what());
    const auto& state = error.sqlstate();
    if (lacks_schema(state))
        return fmt::format("the database has no schema of oiabd, or an older one ({}); run `oiabd migrate`", text);
    if (state == "42501")
        return fmt::format("the database refuses this role: {}; migrations/roles.sql has the grants that it needs",
                           text);
    if (state == "25006") return fmt::format("the database is read-only ({}); connect to the primary", text);
    if (!state.empty()) return fmt::format("the database says: {} (SQLSTATE {})", text, state);
    if (!is_told_where(settings))
        return fmt::format(
            "no database was named and the default one is not there ({}); set OIABD_DATABASE_URL, or "
            "database_url in the configuration file",
            text);
    if (error.trouble() == pg::Trouble::kInDoubt)
        return fmt::format("the connection broke and it is not known whether the change was made: {}", text);
    return fmt::format("cannot use the database: {}", text);
}

}  // namespace oiab::daemon

#include <fmt/format.h>

#include "pg/database_error.hpp"
#include "pg/migrator.hpp"

namespace oiab::pg {

void Migrator::throw_sentence(const DatabaseError& error) const {
    const std::string_view said = error.what();
    const auto& state = error.sqlstate();
    if (state == "25006" || said.find("read-only") != std::string_view::npos) {
        throw MigrationError{
            MigrationTrouble::kReadOnly,
            "the database is read-only (a standby, or default_transaction_read_only = on): name the primary in "
            "database_url, or run ALTER DATABASE … SET default_transaction_read_only = off"};
    }
    if (state.empty()) throw error;
    if (state == "42501") {
        if (running_file_ == "extensions.sql") {
            throw MigrationError{
                MigrationTrouble::kNoPrivilege,
                fmt::format(
                    "role {} may not create extensions in database {} ({}): as a superuser run CREATE EXTENSION IF "
                    "NOT EXISTS pgcrypto; CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS "
                    "vector",
                    role_, database_, said)};
        }
        if (running_file_.empty()) {
            throw MigrationError{
                MigrationTrouble::kNoPrivilege,
                fmt::format(
                    "this role may not read what the migrator left in schema_meta ({}): run migrations/roles.sql as an "
                    "administrator and connect as a member of oiab_worker",
                    said)};
        }
        throw MigrationError{
            MigrationTrouble::kNoPrivilege,
            fmt::format(
                "role {} may not alter the schema of database {} ({}): run oiabd migrate as the owner of its tables",
                role_, database_, said)};
    }
    if (state == "55P03" || state == "57014" || state.starts_with("40")) {
        throw MigrationError{MigrationTrouble::kLocked,
                             fmt::format("the schema of database {} could not be changed within {} s, because somebody "
                                         "holds a lock ({}): end the "
                                         "oldest transaction in pg_stat_activity and start again",
                                         database_, settings_.patience.count() / 1000, said)};
    }
    throw MigrationError{
        MigrationTrouble::kFailed,
        fmt::format("the migration of database {} failed in {}, and nothing was changed: {} ({})", database_,
                    running_file_.empty() ? "its preparation" : running_file_, said, state)};
}

}  // namespace oiab::pg

#pragma once
/// @file  Brings the database's schema to what this binary was built with. For the start of the daemon and for `oiabd
/// migrate`. One thread; every function blocks.
///
/// However many migrators start at once, one does the work; the others poll a try-lock, never waiting inside a
/// transaction (CREATE INDEX CONCURRENTLY waits for those), and find the work done.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/migration_error.hpp"
#include "pg/migrations.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace oiab::pg {

/// Raised with every change of the schema that older binaries should know of.
inline constexpr int kSchemaVersion = 1;
/// The oldest schema version whose binaries can work with this schema; raised by a breaking change only.
inline constexpr int kCompatibleFrom = 1;

struct MigratorSettings {
    bool embeddings = true;            ///< false: does without the extension vector
    bool legacy_dedupe_index = false;  ///< keeps the published form of the dedupe index
    /// How long one attempt waits for a table's lock before it gives way and tries again.
    std::chrono::milliseconds lock_timeout{5'000};
    /// How long all attempts together may take, other migrators' work included.
    std::chrono::milliseconds patience{std::chrono::minutes{15}};
    /// Tables with more rows get their indexes CONCURRENTLY, outside of the transaction.
    std::int64_t large_table_rows = 100'000;
    int schema_version = kSchemaVersion;
    int compatible_from = kCompatibleFrom;
};

class Migrator {
public:
    Migrator(SessionSettings session, MigratorSettings settings,
             std::span<const Migration> migrations = pg::migrations());

    /// Migrates where the stored fingerprint differs from the embedded SQL's; otherwise costs one query.
    /// @returns whether it changed anything. @throws MigrationError; DatabaseError where the server cannot be reached.
    bool migrate();

    /// Whether migrate() would have nothing to do, asked over a session of the caller's, which saves a connection. One
    /// query. @throws as migrate()
    [[nodiscard]] bool finds_current(Session& session);

    /// What migrate() would change, a sentence each; empty: nothing. Builds the schema in a scratch schema, compares,
    /// rolls back: no lock on a table in use. @throws as migrate().
    [[nodiscard]] std::vector<std::string> check();

    /// SHA-256 of the embedded SQL and of the settings that shape the schema.
    [[nodiscard]] const std::string& fingerprint() const noexcept { return fingerprint_; }

private:
    enum class Progress { kDone, kBusy, kAlreadyDone };

    /// What the database says about its schema.
    struct State {
        bool known = false;  ///< schema_meta exists
        std::string fingerprint;
        int version = 0;
        int compatible_from = 0;
        bool extensions_present = false;
    };

    [[nodiscard]] State load_state(Session& session) const;
    [[nodiscard]] State read_state(Transaction& tx) const;
    /// @throws MigrationError when the schema is newer and breaking. @returns whether there is nothing to do.
    [[nodiscard]] bool is_current(const State& state) const;
    void require_sound_server();
    [[nodiscard]] Progress migrate_once();
    void build_large_indexes();
    void build_concurrently(const struct IndexStatement& statement);
    void run_files(Transaction& tx, bool defer_large_indexes);
    void record(Transaction& tx);
    /// What the files rely on: search_path, settings, timeouts. For the transaction, or for the session.
    void prepare(Transaction& tx, bool for_transaction);
    /// @throws MigrationError with a sentence for it; the error itself where the server could not be reached or refused
    /// the login.
    [[noreturn]] void throw_sentence(const class DatabaseError& error) const;

    Session session_;
    MigratorSettings settings_;
    std::span<const Migration> migrations_;
    std::string fingerprint_;
    std::string running_file_;           ///< which file the error of the moment belongs to
    std::vector<std::string> deferred_;  ///< CREATE INDEX statements that are left for afterwards
    std::string role_, database_, schema_;
};

}  // namespace oiab::pg

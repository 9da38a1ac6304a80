#include "pg/migrator.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <pqxx/params>
#include <pqxx/result>
#include <pqxx/transaction_base>
#include <thread>

#include "core/deadline.hpp"
#include "pg/database_error.hpp"
#include "pg/index_file.hpp"
#include "pg/sql.hpp"

namespace oiab::pg {
namespace {

using namespace std::chrono_literals;

/// Pause between two tries while another migrator is at work.
constexpr auto kPollPause = 50ms;

std::string make_fingerprint(std::span<const Migration> migrations, const MigratorSettings& settings) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
    const auto add = [&](std::string_view text) {
        const auto size = static_cast<std::uint64_t>(text.size());
        good = good && EVP_DigestUpdate(context.get(), &size, sizeof size) == 1 &&
               EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1;
    };
    for (const auto& migration : migrations) {
        add(migration.name);
        add(migration.text);
    }
    add(settings.embeddings ? "embeddings" : "no embeddings");
    add(settings.legacy_dedupe_index ? "legacy dedupe index" : "dedupe index");
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    good = good && EVP_DigestFinal_ex(context.get(), digest.data(), &length) == 1;
    if (!good) throw std::runtime_error{"SHA-256 of the migrations failed"};
    std::string hex;
    for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest.at(i));
    return hex;
}

/// Statements of a migration may take as long as they need. What bounds its transaction is the lock timeout, which
/// prepare() sets; CREATE INDEX CONCURRENTLY has to wait for every transaction that is older than itself.
SessionSettings for_migrating(SessionSettings settings) {
    settings.statement_timeout = 0ms;
    settings.lock_timeout = 0ms;
    return settings;
}

/// Each of the migrator's statements runs once, so preparing it would cost a round trip for nothing.
pqxx::result ask(Transaction& tx, const Statement& statement, const pqxx::params& parameters = {}) {
    return tx.raw().exec(statement.text, parameters);
}

/// Some index files are for a server that has what they need.
bool may_have_indexes(Transaction& tx, std::string_view file) {
    const char* needs = file == "vector_indexes.sql"        ? "has_vector"
                        : file == "vector_bits_indexes.sql" ? "has_bits"
                                                            : nullptr;
    return needs == nullptr || ask(tx, sql::migrator_has_vector)[0][needs].as<bool>();
}

const char* on_off(bool value) { return value ? "on" : "off"; }

/// An array literal; names of indexes and tables need no quoting.
std::string array_of(const std::vector<IndexStatement>& statements, std::string IndexStatement::* member) {
    std::string out = "{";
    for (const auto& statement : statements) out += (out.size() > 1 ? "," : "") + statement.*member;
    return out + "}";
}

}  // namespace

Migrator::Migrator(SessionSettings session, MigratorSettings settings, std::span<const Migration> migrations)
    : session_{for_migrating(std::move(session))},
      settings_{settings},
      migrations_{migrations},
      fingerprint_{make_fingerprint(migrations, settings)} {}

bool Migrator::migrate() {
    const auto deadline = core::Deadline::after(settings_.patience);
    try {
        if (is_current(load_state(session_))) return false;
        require_sound_server();
        for (;;) {
            auto pause = kPollPause;
            try {
                const auto progress = migrate_once();
                if (progress != Progress::kBusy) return progress == Progress::kDone;
            } catch (const DatabaseError& error) {
                // Nothing happened (a lock, a deadlock), or perhaps all of it did: every statement may run again, and
                // the stored fingerprint tells.
                if (error.trouble() != Trouble::kRetry && error.trouble() != Trouble::kInDoubt) throw;
                if (deadline.reached()) throw;
                pause = 200ms;
            }
            if (deadline.reached()) {
                throw MigrationError{
                    MigrationTrouble::kLocked,
                    fmt::format(
                        "another migration of database {} has been running for {} s; find it with SELECT * FROM "
                        "pg_locks WHERE locktype = 'advisory' AND objid = 7236002",
                        database_, settings_.patience.count() / 1000)};
            }
            std::this_thread::sleep_for(pause);
        }
    } catch (const DatabaseError& error) {
        session_.discard();
        throw_sentence(error);
    }
}

bool Migrator::finds_current(Session& session) {
    try {
        return is_current(load_state(session));
    } catch (const DatabaseError& error) {
        session.discard();
        throw_sentence(error);
    }
}

Migrator::State Migrator::load_state(Session& session) const {
    State state;
    try {
        autocommit(session, [&](Transaction& tx) { state = read_state(tx); });
    } catch (const DatabaseError& error) {
        if (error.sqlstate() != "42P01") throw;
    }
    return state;
}

Migrator::State Migrator::read_state(Transaction& tx) const {
    const auto row = ask(tx, sql::migrator_state, pqxx::params{settings_.embeddings})[0];
    State state;
    state.known = true;
    state.fingerprint = row["fingerprint"].as<std::string>("");
    state.version = row["version"].as<int>(0);
    state.compatible_from = row["compatible_from"].as<int>(0);
    state.extensions_present = row["extensions_present"].as<bool>();
    return state;
}

bool Migrator::is_current(const State& state) const {
    if (state.known && state.version > settings_.schema_version) {
        if (state.compatible_from > settings_.schema_version) {
            throw MigrationError{
                MigrationTrouble::kNewerSchema,
                fmt::format(
                    "the database has schema version {}, which binaries older than schema version {} cannot work with, "
                    "and this "
                    "oiabd knows version {}: start a newer oiabd, or restore the database from before its migration",
                    state.version, state.compatible_from, settings_.schema_version)};
        }
        // A newer release has been here and vouches for older ones.
        return true;
    }
    return state.known && state.fingerprint == fingerprint_ && state.extensions_present;
}

void Migrator::require_sound_server() {
    autocommit(session_, [&](Transaction& tx) {
        const auto row = ask(tx, sql::migrator_facts)[0];
        role_ = row["role"].as<std::string>();
        database_ = row["database"].as<std::string>();
        schema_ = row["schema"].as<std::string>();
        const auto encoding = row["encoding"].as<std::string>();
        const std::string missing{row["missing"].view()};
        if (row["version"].as<int>() < 150000) {
            throw MigrationError{MigrationTrouble::kOldServer,
                                 "oiabd needs PostgreSQL 15 or newer: upgrade the server"};
        }
        if (row["read_only"].as<bool>()) {
            throw MigrationError{
                MigrationTrouble::kReadOnly,
                fmt::format("database {} is read-only: name the primary in database_url, or run ALTER DATABASE {} SET "
                            "default_transaction_read_only = off",
                            database_, database_)};
        }
        if (encoding != "UTF8") {
            throw MigrationError{
                MigrationTrouble::kEncoding,
                fmt::format(
                    "database {} has encoding {}, and oiabd needs UTF8: make one with CREATE DATABASE … TEMPLATE "
                    "template0 ENCODING 'UTF8' and restore into it",
                    database_, encoding)};
        }
        if (schema_.empty() || !row["may_create"].as<bool>()) {
            throw MigrationError{
                MigrationTrouble::kNoPrivilege,
                schema_.empty()
                    ? fmt::format("role {} has no schema to create tables in: run CREATE SCHEMA AUTHORIZATION {}",
                                  role_, role_)
                    : fmt::format("role {} may not create tables in schema {}: run GRANT CREATE ON SCHEMA {} TO {}, or "
                                  "run oiabd "
                                  "migrate as the owner",
                                  role_, schema_, schema_, role_)};
        }
        for (const char* extension : {"pgcrypto", "pg_trgm", "vector"}) {
            if (missing.find(extension) == std::string::npos) continue;
            const bool is_vector = std::string_view{extension} == "vector";
            if (is_vector && !settings_.embeddings) continue;
            const int major = row["version"].as<int>() / 10000;
            throw MigrationError{
                MigrationTrouble::kMissingExtension,
                is_vector
                    ? fmt::format(
                          "the extension vector (pgvector) is not installed on the server: install it there, on Debian "
                          "with apt "
                          "install postgresql-{}-pgvector, or set embeddings = off to do without recall by similarity",
                          major)
                    : fmt::format("the extension {} is not installed on the server: install PostgreSQL's contrib "
                                  "modules there, on "
                                  "Debian with apt install postgresql-{}",
                                  extension, major)};
        }
    });
}

Migrator::Progress Migrator::migrate_once() {
    const auto progress = in_transaction(session_, [&](Transaction& tx) {
        if (!ask(tx, sql::migrator_try_lock)[0][0].as<bool>()) return Progress::kBusy;
        // Another one may have finished between our look and our lock.
        if (ask(tx, sql::migrator_has_state)[0][0].as<bool>() && is_current(read_state(tx)))
            return Progress::kAlreadyDone;
        prepare(tx, true);
        // A pooler in transaction mode hands out another session for each statement: no session's lock, so no
        // CONCURRENTLY.
        run_files(tx, session_.settings().prepare == Prepare::kAuto);
        if (deferred_.empty()) {
            record(tx);
        } else {
            // Taken before the transaction's lock ends, so that no other migrator gets in between.
            (void)ask(tx, sql::migrator_try_session_lock);
        }
        return Progress::kDone;
    });
    if (progress == Progress::kDone && !deferred_.empty()) build_large_indexes();
    return progress;
}

void Migrator::prepare(Transaction& tx, bool for_transaction) {
    (void)ask(tx, sql::migrator_prepare,
              pqxx::params{on_off(settings_.embeddings), on_off(settings_.legacy_dedupe_index),
                           std::to_string(for_transaction ? settings_.lock_timeout.count() : 0),
                           tx.raw().quote_name(schema_), for_transaction});
}

void Migrator::run_files(Transaction& tx, bool defer_large_indexes) {
    deferred_.clear();
    for (const auto& migration : migrations_) {
        running_file_ = migration.name;
        std::string text{migration.text};
        if (is_index_file(migration.name)) {
            if (!may_have_indexes(tx, migration.name)) continue;
            const auto statements = read_index_file(text);
            if (statements.empty()) {
                tx.raw().exec(text);
                continue;
            }
            const auto stands = ask(tx, sql::migrator_indexes,
                                    pqxx::params{array_of(statements, &IndexStatement::name),
                                                 array_of(statements, &IndexStatement::table)});
            // From the end, so that the places of those before stay right.
            for (std::size_t i = statements.size(); i-- > 0;) {
                const auto row = stands[static_cast<pqxx::result::size_type>(i)];
                const bool is_there = row["is_there"].as<bool>();
                const bool is_valid = row["is_valid"].as<bool>();
                if (is_there && is_valid) continue;
                const auto& statement = statements.at(i);
                if (defer_large_indexes && row["rows"].as<std::int64_t>() > settings_.large_table_rows) {
                    text.erase(statement.begin, statement.end - statement.begin);
                    deferred_.push_back(statement.text);
                } else if (is_there) {
                    // What a failed CONCURRENTLY left behind would count as existing.
                    text.insert(statement.begin, fmt::format("DROP INDEX {};\n", statement.name));
                }
            }
        }
        tx.raw().exec(text);
    }
    running_file_.clear();
}

void Migrator::build_large_indexes() {
    try {
        autocommit(session_, [&](Transaction& tx) { prepare(tx, false); });
        for (const auto& text : deferred_) {
            const auto statement = read_index_file(text + ";").at(0);
            running_file_ = "index " + statement.name;
            build_concurrently(statement);
        }
        running_file_.clear();
        in_transaction(session_, [&](Transaction& tx) { record(tx); });
        autocommit(session_, [&](Transaction& tx) { (void)ask(tx, sql::migrator_unlock_session); });
    } catch (const DatabaseError&) {
        session_.discard();  // and the session's lock with it
        throw;
    }
}

void Migrator::build_concurrently(const IndexStatement& statement) {
    const std::vector<IndexStatement> one{statement};
    const auto drop_leftover = [&](Transaction& tx) {
        const auto stands =
            ask(tx, sql::migrator_indexes,
                pqxx::params{array_of(one, &IndexStatement::name), array_of(one, &IndexStatement::table)});
        if (stands[0]["is_there"].as<bool>() && !stands[0]["is_valid"].as<bool>())
            tx.raw().exec(fmt::format("DROP INDEX CONCURRENTLY IF EXISTS {}", statement.name));
    };
    // A build that failed leaves an invalid index behind, which costs every write and serves nobody: an earlier one's
    // goes first, one of our own at once.
    autocommit(session_, drop_leftover);
    try {
        autocommit(session_, [&](Transaction& tx) { tx.raw().exec(statement.concurrently()); });
    } catch (const DatabaseError& error) {
        if (error.trouble() == Trouble::kRetry || error.trouble() == Trouble::kRefused)
            autocommit(session_, drop_leftover);
        throw;
    }
}

void Migrator::record(Transaction& tx) {
    (void)ask(tx, sql::migrator_record,
              pqxx::params{fingerprint_, std::to_string(settings_.schema_version),
                           std::to_string(settings_.compatible_from)});
}

}  // namespace oiab::pg

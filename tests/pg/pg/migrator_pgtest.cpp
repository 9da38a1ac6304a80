/// @file  The migrator: on nothing, twice, many at once, on the published columns, and what it says when it cannot.

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "pg/database_error.hpp"
#include "pg/migrator.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

pg::Migrator migrator_of(const TestDatabase& database, pg::MigratorSettings settings = {}) {
    return {database.settings("migrator"), settings};
}

std::string sentence_of(pg::Migrator& migrator) {
    try {
        migrator.migrate();
    } catch (const pg::MigrationError& error) {
        return error.what();
    }
    return "it migrated";
}

bool any_contains(const std::vector<std::string>& lines, const std::string& part) {
    return std::ranges::any_of(lines, [&](const auto& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("migrate: a fresh database gets every table, and a second run changes nothing") {
    TestDatabase database{Content::kEmpty};
    auto migrator = migrator_of(database);
    CHECK(migrator.migrate());
    CHECK(database.value("SELECT count(*) >= 41 FROM pg_tables WHERE schemaname = 'public'") == "t");
    CHECK_FALSE(migrator.migrate());
    CHECK(migrator.check().empty());
    CHECK(database.value("SELECT value FROM schema_meta WHERE key = 'fingerprint'") == migrator.fingerprint());
}

TEST_CASE("migrate: a schema is found current over a session that somebody has, without another connection") {
    TestDatabase database{Content::kEmpty};
    auto nowhere = database.settings();
    nowhere.url = "postgresql:///nothing?host=/nonexistent";
    pg::Migrator migrator{nowhere, {}};
    pg::Session session{database.settings()};
    CHECK_FALSE(migrator.finds_current(session));
    migrator_of(database).migrate();
    CHECK(migrator.finds_current(session));
    database.execute("UPDATE schema_meta SET value = 'another' WHERE key = 'fingerprint'");
    CHECK_FALSE(migrator.finds_current(session));
}

TEST_CASE("migrate: running every statement again on a current schema changes nothing in the catalogue") {
    TestDatabase database{Content::kEmpty};
    migrator_of(database).migrate();
    const auto catalogue =
        "SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM ("
        "SELECT format('%s.%s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull) AS line FROM "
        "pg_attribute a JOIN pg_class c "
        "ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 "
        "UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint "
        "UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger "
        "UNION ALL SELECT relname || relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS lines";
    const auto before = database.value(catalogue);
    database.execute("UPDATE schema_meta SET value = 'of another build' WHERE key = 'fingerprint'");
    auto migrator = migrator_of(database);
    CHECK(migrator.check() ==
          std::vector<std::string>{"record this release's fingerprint; no table, function or rule differs"});
    CHECK(migrator.migrate());
    CHECK(database.value(catalogue) == before);
}

TEST_CASE("migrate: twenty at once migrate once") {
    TestDatabase database{Content::kEmpty};
    std::atomic<int> changed{0};
    std::atomic<int> failed{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 20; ++i) {
            threads.emplace_back([&] {
                try {
                    if (migrator_of(database).migrate()) ++changed;
                } catch (const std::exception& error) {
                    ++failed;
                    UNSCOPED_INFO(error.what());
                }
            });
        }
    }
    CHECK(failed == 0);
    CHECK(changed == 1);
    CHECK(migrator_of(database).check().empty());
}

TEST_CASE("migrate: a start with nothing to do costs one query") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute("CREATE TABLE seen (at timestamptz); GRANT ALL ON seen TO PUBLIC");
    pg::Migrator migrator{database.settings("migrator"), {}};
    CHECK_FALSE(migrator.migrate());
    // The session's own last query is the migrator's one: nothing came after it.
    CHECK_THAT(
        database.value(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'migrator' AND datname = current_database() "
            "ORDER BY backend_start DESC LIMIT 1"),
        ContainsSubstring("schema_meta WHERE key = 'compatible_from'"));
}

TEST_CASE("migrate: a lock that somebody holds is waited for in short attempts, and then named") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute("UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("LOCK TABLE memories IN SHARE MODE");
    pg::MigratorSettings settings;
    settings.lock_timeout = 50ms;
    settings.patience = 300ms;
    auto impatient = migrator_of(database, settings);
    CHECK_THAT(sentence_of(impatient),
               ContainsSubstring("somebody holds a lock") && ContainsSubstring("pg_stat_activity"));

    settings.patience = 60s;
    std::atomic<bool> migrated{false};
    std::jthread patient{[&] { migrated = migrator_of(database, settings).migrate(); }};
    eventually(
        20s,
        [&] {
            return database.value(
                       "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'memories'::regclass") != "0";
        },
        "the migrator waits for the table");
    holder.commit();
    patient.join();
    CHECK(migrated);
}

TEST_CASE("migrate: a newer schema is refused when it is marked breaking, and accepted when it is not") {
    TestDatabase database;
    migrator_of(database).migrate();
    pg::MigratorSettings newer;
    newer.schema_version = 9;
    newer.compatible_from = 1;
    database.execute("UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    CHECK(migrator_of(database, newer).migrate());
    auto older = migrator_of(database);
    CHECK_FALSE(older.migrate());

    newer.compatible_from = 7;
    database.execute("UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    CHECK(migrator_of(database, newer).migrate());
    CHECK(sentence_of(older) ==
          "the database has schema version 9, which binaries older than schema version 7 cannot work with, and this "
          "oiabd knows version 1: "
          "start a newer oiabd, or restore the database from before its migration");
}

TEST_CASE("migrate: without the extension vector, embeddings = off does everything but the embedding columns") {
    TestDatabase database{Content::kEmpty};
    pg::MigratorSettings settings;
    settings.embeddings = false;
    auto migrator = migrator_of(database, settings);
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
    CHECK(database.value("SELECT count(*) FROM pg_extension WHERE extname = 'vector'") == "0");
    CHECK(database.value("SELECT count(*) FROM pg_attribute WHERE attname = 'embedding'") == "0");
    database.execute(
        "INSERT INTO users (handle) VALUES ('alice'); INSERT INTO memories (user_id, content) SELECT id, 'x' FROM "
        "users");
    // And with embeddings again, the columns come.
    CHECK(migrator_of(database).migrate());
    CHECK(database.value(
              "SELECT count(*) FROM pg_attribute WHERE attname = 'embedding' AND attrelid = 'memories'::regclass") ==
          "1");
}

TEST_CASE("migrate: the published form of the dedupe index is kept where it is asked for, and given up again") {
    TestDatabase database;
    const auto form = [&] {
        return database.value(
            "SELECT string_agg(pg_get_expr(indpred, indrelid), ' and ') FROM pg_index i JOIN pg_attribute a ON "
            "a.attrelid = "
            "i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = 'jobs'::regclass AND indisunique AND a.attname = "
            "'dedupe_key'");
    };
    CHECK(form() == "(dedupe_pending IS NOT NULL)");
    pg::MigratorSettings settings;
    settings.legacy_dedupe_index = true;
    CHECK(migrator_of(database, settings).migrate());
    CHECK(form() == "(status = 'pending'::text)");
    // What it is for: clients that name the published predicate.
    for (int i = 0; i < 2; ++i) {
        database.execute(
            "INSERT INTO jobs (kind, dedupe_key) VALUES ('x', 'k') ON CONFLICT (dedupe_key) WHERE status = 'pending' "
            "DO NOTHING");
    }
    CHECK(database.value("SELECT count(*) FROM jobs") == "1");
    CHECK(migrator_of(database).migrate());
    CHECK(form() == "(dedupe_pending IS NOT NULL)");
}

TEST_CASE("migrate: extensions may live in a schema of their own, and the tables in another than public") {
    TestDatabase database{Content::kEmpty};
    database.execute(
        "CREATE SCHEMA extensions; CREATE SCHEMA \"Work Place\"; CREATE EXTENSION vector SCHEMA extensions; CREATE "
        "EXTENSION pg_trgm SCHEMA "
        "extensions; CREATE EXTENSION pgcrypto SCHEMA extensions; ALTER DATABASE " +
        database.name() + " SET search_path = \"Work Place\", extensions");
    auto migrator = migrator_of(database);
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
    CHECK(database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0");
    CHECK(database.value("SELECT count(*) > 40 FROM pg_tables WHERE schemaname = 'Work Place'") == "t");
    pqxx::connection fresh{database.url()};
    pqxx::work work{fresh};
    work.exec("INSERT INTO tenants (name) VALUES ('t')");
    work.exec("INSERT INTO jobs (kind) VALUES ('x')");
    CHECK(work.exec("SELECT count(*) FROM roles")[0][0].as<int>() == 4);
}

TEST_CASE("migrate: a dropped extension is put back at the next start") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute("DROP EXTENSION pg_trgm CASCADE");
    auto migrator = migrator_of(database);
    CHECK(any_contains(migrator.check(), "create extension pg_trgm"));
    CHECK(migrator.migrate());
    CHECK(database.value("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'") == "1");
}

TEST_CASE("migrate: what it cannot do it says in one sentence with what mends it") {
    TestDatabase database{Content::kEmpty};

    SECTION("a role that may not create tables") {
        database.execute("DROP ROLE IF EXISTS nobody; CREATE ROLE nobody LOGIN");
        auto settings = database.settings();
        settings.url = database.tcp_url("nobody");
        pg::Migrator migrator{settings, {}};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("GRANT CREATE ON SCHEMA public TO nobody"));
    }
    SECTION("a role that may create tables but not extensions") {
        database.execute(
            "DROP ROLE IF EXISTS somebody; CREATE ROLE somebody LOGIN; GRANT CREATE ON SCHEMA public TO somebody");
        auto settings = database.settings();
        settings.url = database.tcp_url("somebody");
        pg::Migrator migrator{settings, {}};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("role somebody may not create extensions") &&
                                              ContainsSubstring("CREATE EXTENSION IF NOT EXISTS pgcrypto"));
        database.execute("DROP OWNED BY somebody");
    }
    SECTION("a role that does not own the tables") {
        migrator_of(database).migrate();
        database.execute(
            "DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN; GRANT CREATE ON SCHEMA public TO stranger; "
            "GRANT SELECT, INSERT, UPDATE ON schema_meta TO stranger; UPDATE schema_meta SET value = 'x' WHERE key = "
            "'fingerprint'");
        auto settings = database.settings();
        settings.url = database.tcp_url("stranger");
        pg::Migrator migrator{settings, {}};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("role stranger may not alter the schema") &&
                                              ContainsSubstring("oiabd migrate as the owner"));
        database.execute("DROP OWNED BY stranger");
    }
    SECTION("a database in another encoding") {
        const auto latin = database.name() + "_latin";
        {
            pqxx::connection admin{database.server().url()};
            pqxx::nontransaction{admin}.exec("CREATE DATABASE " + latin +
                                             " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
        }
        auto settings = database.settings();
        settings.url = database.server().url(latin);
        pg::Migrator migrator{settings, {}};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("encoding LATIN1") && ContainsSubstring("ENCODING 'UTF8'"));
    }
    SECTION("a read-only database") {
        database.execute("ALTER DATABASE " + database.name() + " SET default_transaction_read_only = on");
        auto migrator = migrator_of(database);
        CHECK_THAT(sentence_of(migrator),
                   ContainsSubstring("read-only") && ContainsSubstring("default_transaction_read_only = off"));
    }
    SECTION("a statement that the server refuses names its file and changes nothing") {
        const std::vector<pg::Migration> broken{{"one.sql", "CREATE TABLE one ()"}, {"two.sql", "CREATE TABEL two ()"}};
        pg::Migrator migrator{database.settings(), {}, broken};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("failed in two.sql, and nothing was changed"));
        CHECK(database.value("SELECT to_regclass('one')") == "NULL");
    }
    SECTION("a full disk is not taken for a lock") {
        const std::vector<pg::Migration> large{
            {"one.sql", "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$"}};
        pg::MigratorSettings impatient;
        impatient.patience = 0ms;
        pg::Migrator migrator{database.settings(), impatient, large};
        CHECK_THAT(sentence_of(migrator), ContainsSubstring("failed in one.sql") && ContainsSubstring("no space left"));
    }
}

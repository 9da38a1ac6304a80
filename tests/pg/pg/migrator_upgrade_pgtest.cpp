/// @file  The migrator on databases that are there already: published, damaged, large.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sstream>

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

std::string published_schema() {
    std::ifstream in{std::string{OIAB_SOURCE_DIR} + "/tests/pg/pg/published_schema.sql"};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

bool any_contains(const std::vector<std::string>& lines, const std::string& part) {
    return std::ranges::any_of(lines, [&](const auto& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("migrate: a database with the published columns is upgraded and keeps its rows") {
    TestDatabase database{Content::kEmpty};
    database.execute(published_schema());
    auto migrator = migrator_of(database);

    std::vector<std::string> changes;
    {
        // Work goes on meanwhile: a lock such as every writer has on each table would stop any statement that alters
        // it.
        pqxx::connection other{database.url()};
        pqxx::work writer{other};
        writer.exec(
            "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "'public'::regnamespace LOOP EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', t); END LOOP; END $$");
        changes = migrator.check();
    }
    for (const auto& change : changes) UNSCOPED_INFO(change);
    CHECK(any_contains(changes, "create table session_messages"));
    CHECK(any_contains(changes, "add column jobs.lease_epoch bigint"));
    CHECK(any_contains(changes,
                       "change the type of jobs.run_at from timestamp without time zone to timestamp with time zone"));
    CHECK(any_contains(changes, "add column jobs.dedupe_pending text"));
    CHECK(database.value("SELECT to_regclass('session_messages')") == "NULL");

    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());

    CHECK(database.value("SELECT string_agg(format('%s %s %s', kind, status, attempts), ', ' ORDER BY id) FROM jobs") ==
          "agent-turn pending 0, embed-memories completed 1, agent-turn running 0");
    CHECK(database.value("SELECT run_at = '2026-01-02 03:04:05+00' FROM jobs WHERE status = 'pending'") == "t");
    CHECK(database.value("SELECT pg_typeof(run_at) FROM jobs LIMIT 1") == "timestamp with time zone");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'completed' AND finished_at IS NOT NULL") == "1");
    CHECK(database.value("SELECT string_agg(status, ',' ORDER BY slug) FROM tenants") == "active,active");
    CHECK(database.value("SELECT settings -> 'groupRoleMapping' ->> 'g' FROM tenants WHERE slug = 'contoso'") ==
          "admin");
    CHECK(database.value("SELECT count(*) FROM roles WHERE is_system") == "8");
    CHECK(database.value(
              "SELECT string_agg(content || ' ' || kind || ' ' || visibility, ', ' ORDER BY id) FROM memories") ==
          "Likes tea fact private, Likes rain fact private");
    CHECK(database.value("SELECT version FROM skills") == "3");
    CHECK(database.value("SELECT count(*) FROM usage_events WHERE request_id = 'r1'") == "1");
    CHECK(database.value("SELECT template_slug || session_id IS NOT NULL FROM sessions_index") == "t");
    CHECK(database.value("SELECT count(*) FROM audit_log WHERE id IS NOT NULL AND ts IS NOT NULL") == "2");
    CHECK(database.value("SELECT count(*) FROM orchestrator_plans WHERE id IS NOT NULL") == "2");
    // And what the published columns promised still holds, for clients that know only them.
    database.execute("INSERT INTO jobs (kind, payload) VALUES ('embed-memories', '{}')");
    database.execute("INSERT INTO jobs (kind, payload, dedupe_key) VALUES ('x', '{}', 'k1') ON CONFLICT DO NOTHING");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE dedupe_key = 'k1'") == "1");
}

TEST_CASE("migrate: a schema that lost an index, a column and a trigger is made whole again") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute(
        "DROP INDEX users_tenant_idx; ALTER TABLE users DROP COLUMN last_seen_at; DROP TRIGGER skills_version ON "
        "skills; "
        "CREATE OR REPLACE FUNCTION oiab_audit_retention(action text) RETURNS interval LANGUAGE sql IMMUTABLE AS "
        "$$ SELECT interval '1 day' $$; UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    auto migrator = migrator_of(database);
    const auto changes = migrator.check();
    CHECK(any_contains(changes, "build index users_tenant_idx on users"));
    CHECK(any_contains(changes, "add column users.last_seen_at timestamp with time zone"));
    CHECK(any_contains(changes, "create trigger skills_version on skills"));
    CHECK(any_contains(changes, "replace function oiab_audit_retention"));
    CHECK(changes.size() == 4);
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
}

TEST_CASE("migrate: a trigger that a former version had gives way, also where the schema is only checked") {
    TestDatabase database;
    database.execute(
        "CREATE FUNCTION jobs_on_illegal_update() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'by the former rules'; END $$;"
        "CREATE TRIGGER jobs_10_illegal_update BEFORE UPDATE OF status ON jobs FOR EACH ROW EXECUTE FUNCTION "
        "jobs_on_illegal_update(); UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint';"
        "INSERT INTO jobs (kind) VALUES ('noop')");
    auto migrator = migrator_of(database);
    CHECK_NOTHROW(migrator.check());
    CHECK_THROWS_WITH(database.execute("UPDATE jobs SET status = 'failed'"), ContainsSubstring("by the former rules"));
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
    CHECK_NOTHROW(database.execute("UPDATE jobs SET status = 'failed'"));
    CHECK(database.value("SELECT to_regproc('jobs_on_illegal_update') IS NULL") == "t");
}

TEST_CASE("migrate: keys of pending jobs still block where their column was generated, or is gone") {
    TestDatabase database;
    // What depends on the column goes along with it, as in a database whose version had none of this.
    database.execute(
        "ALTER TABLE jobs DROP COLUMN dedupe_pending CASCADE;"
        "UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    const bool was_generated = GENERATE(true, false);
    if (was_generated) {
        database.execute(
            "ALTER TABLE jobs ADD COLUMN dedupe_pending text GENERATED ALWAYS AS "
            "(CASE WHEN status = 'pending' THEN dedupe_key END) STORED;"
            "CREATE UNIQUE INDEX jobs_dedupe_idx ON jobs (dedupe_key) WHERE dedupe_pending IS NOT NULL");
    }
    database.execute(
        "ALTER TABLE jobs DISABLE TRIGGER USER;"
        "INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k'), ('noop', NULL);"
        "ALTER TABLE jobs ENABLE TRIGGER USER");
    auto migrator = migrator_of(database);
    if (was_generated)
        CHECK(any_contains(migrator.check(), "keep what jobs.dedupe_pending holds, and generate it no longer"));
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
    CHECK(database.value("SELECT string_agg(dedupe_pending, ',') FROM jobs") == "k");
    database.execute("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k') ON CONFLICT DO NOTHING");
    CHECK(database.value("SELECT count(*) FROM jobs") == "2");
}

TEST_CASE("migrate: how the server keeps a table is set where nobody has set it, and stays where somebody has") {
    TestDatabase database;
    database.execute(
        "ALTER TABLE job_steps RESET (fillfactor); ALTER TABLE usage_events SET (autovacuum_vacuum_insert_scale_factor "
        "= 0.5); UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    auto migrator = migrator_of(database);
    CHECK(migrator.check() == std::vector<std::string>{"set fillfactor of job_steps to 50"});
    CHECK(migrator.migrate());
    CHECK(migrator.check().empty());
    const auto option = [&](const std::string& table, const std::string& name) {
        return database.value("SELECT option_value FROM pg_class, pg_options_to_table(reloptions) WHERE oid = '" +
                              table + "'::regclass AND option_name = '" + name + "'");
    };
    CHECK(option("job_steps", "fillfactor") == "50");
    CHECK(option("job_steps", "autovacuum_vacuum_scale_factor") == "0.05");
    CHECK(option("usage_events", "autovacuum_vacuum_insert_scale_factor") == "0.5");
    CHECK(option("memories", "autovacuum_vacuum_insert_scale_factor") == "0.05");
}

TEST_CASE("migrate: a large table gets its index concurrently, after what a failed build left is cleared away") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute(
        "INSERT INTO usage_events (request_id) SELECT n::text FROM generate_series(1, 2000) AS n; ANALYZE "
        "usage_events; "
        "DROP INDEX usage_events_user_cost_idx; UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    // A failed CREATE INDEX CONCURRENTLY leaves exactly this: an index that is not valid.
    database.execute("CREATE INDEX usage_events_user_cost_idx ON usage_events (cost_usd)");
    database.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'usage_events_user_cost_idx'::regclass");
    pg::MigratorSettings settings;
    settings.large_table_rows = 1000;
    CHECK(migrator_of(database, settings).migrate());
    CHECK(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'usage_events_user_cost_idx'::regclass") ==
          "t");
    CHECK_THAT(database.value("SELECT pg_get_indexdef('usage_events_user_cost_idx'::regclass)"),
               ContainsSubstring("(user_id, created_at)"));
    CHECK(migrator_of(database).check().empty());
    CHECK(database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7236002 AND database = "
                         "(SELECT oid FROM pg_database WHERE datname = current_database())") == "0");
}

TEST_CASE("migrate: an index goes once the one that took its place is valid") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute(
        "CREATE INDEX usage_events_job_idx ON usage_events (job_id); "
        "CREATE INDEX usage_events_user_idx ON usage_events (user_id); "
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'usage_events_user_cost_idx'::regclass; "
        "INSERT INTO usage_events (request_id) SELECT n::text FROM generate_series(1, 2000) AS n; "
        "ANALYZE usage_events; UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    pg::MigratorSettings settings;
    settings.large_table_rows = 1000;
    const auto former = [&] {
        return database.value(
            "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname IN ('usage_events_job_idx', "
            "'usage_events_user_idx')");
    };
    CHECK(migrator_of(database, settings).migrate());
    CHECK(former() == "usage_events_user_idx");  // its successor was built after the transaction
    database.execute("UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    CHECK(migrator_of(database, settings).migrate());
    CHECK(former() == "NULL");
}

TEST_CASE("migrate: a check of a database with a left-over index waits for nobody who uses the table") {
    TestDatabase database;
    migrator_of(database).migrate();
    database.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'usage_events_user_cost_idx'::regclass; "
        "UPDATE schema_meta SET value = 'x' WHERE key = 'fingerprint'");
    pqxx::connection other{database.url()};
    pqxx::work reader{other};
    reader.exec("SELECT count(*) FROM usage_events");
    pg::MigratorSettings settings;
    settings.lock_timeout = 200ms;
    CHECK(migrator_of(database, settings).check() ==
          std::vector<std::string>{"build index usage_events_user_cost_idx on usage_events"});
}

/// @file  The schema as the catalogue tells it: everything that is published is there, everything is described.

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "support/test_database.hpp"

using namespace oiab::tests;

namespace {

struct PublishedColumn {
    const char* table;
    const char* column;
    const char* type;
};

/// As the published documentation of the database lists them; where it names no type, ours.
constexpr PublishedColumn kPublished[] = {
    {"tenants", "id", "uuid"},
    {"tenants", "name", "text"},
    {"tenants", "slug", "text"},
    {"tenants", "entra_tenant_id", "text"},
    {"tenants", "settings", "jsonb"},
    {"tenants", "status", "text"},
    {"users", "id", "uuid"},
    {"users", "handle", "text"},
    {"users", "tenant_id", "uuid"},
    {"users", "email", "text"},
    {"users", "display_name", "text"},
    {"users", "entra_object_id", "text"},
    {"users", "status", "text"},
    {"roles", "permissions", "jsonb"},
    {"user_roles", "user_id", "uuid"},
    {"user_roles", "role_id", "uuid"},
    {"user_roles", "tenant_id", "uuid"},
    {"entra_sessions", "id", "uuid"},
    {"memories", "id", "uuid"},
    {"memories", "user_id", "uuid"},
    {"memories", "tenant_id", "uuid"},
    {"memories", "kind", "text"},
    {"memories", "content", "text"},
    {"memories", "visibility", "text"},
    {"memories", "embedding", "vector(1536)"},
    {"memories", "source_session_id", "text"},
    {"personas", "name", "text"},
    {"jobs", "id", "uuid"},
    {"jobs", "kind", "text"},
    {"jobs", "status", "text"},
    {"jobs", "payload", "jsonb"},
    {"jobs", "run_at", "timestamp with time zone"},
    {"jobs", "attempts", "integer"},
    {"jobs", "max_attempts", "integer"},
    {"jobs", "dedupe_key", "text"},
    {"jobs", "locked_by", "text"},
    {"orchestrator_plans", "status", "text"},
    {"orchestrator_plans", "plan", "jsonb"},
    {"orchestrator_plans", "result", "text"},
    {"orchestrator_subtasks", "index", "integer"},
    {"orchestrator_subtasks", "dependencies", "integer[]"},
    {"orchestrator_subtasks", "status", "text"},
    {"orchestrator_subtasks", "result", "text"},
    {"trajectories", "tools", "jsonb"},
    {"trajectories", "embedding", "vector(1536)"},
    {"trajectories", "outcome", "text"},
    {"trajectories", "reflection", "text"},
    {"skills", "status", "text"},
    {"skills", "version", "integer"},
    {"skills", "source_trajectories", "uuid[]"},
    {"usage_events", "request_id", "text"},
    {"audit_log", "tenant_id", "uuid"},
    {"audit_log", "ts", "timestamp with time zone"},
    {"sessions_index", "template_slug", "text"},
    {"sessions_index", "template_system_prompt", "text"},
    {"sessions_index", "template_model_override", "jsonb"},
    {"sessions_index", "template_snapshot_at", "timestamp with time zone"},
    {"agent_templates", "tenant_id", "uuid"},
    {"providers", "user_id", "uuid"},
    {"providers", "provider", "text"},
};

std::string file(const std::string& path) {
    std::ifstream in{std::string{OIAB_SOURCE_DIR} + "/" + path};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("catalogue: docs/schema.md says what the database says (scripts/schema_docs writes it)") {
    TestDatabase database;
    std::string generated;
    for (const auto& row : database.execute(file("scripts/schema_docs.sql")))
        generated += row[0].as<std::string>() + "\n";
    while (generated.ends_with("\n\n")) generated.pop_back();
    std::istringstream have{file("docs/schema.md")};
    std::istringstream want{generated};
    std::string have_line;
    std::string want_line;
    while (std::getline(want, want_line)) {
        REQUIRE(std::getline(have, have_line));
        REQUIRE(have_line == want_line);
    }
    CHECK_FALSE(std::getline(have, have_line));
}

TEST_CASE("catalogue: every published column is there with its type") {
    TestDatabase database;
    for (const auto& published : kPublished) {
        CAPTURE(published.table, published.column);
        CHECK(database.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                             "to_regclass($1) AND attname = $2",
                             pqxx::params{published.table, published.column}) == published.type);
    }
}

TEST_CASE("catalogue: what is published as unique is unique, and as a default is the default") {
    TestDatabase database;
    for (const auto& [table, column] : {std::pair{"tenants", "slug"},
                                        {"tenants", "entra_tenant_id"},
                                        {"users", "handle"},
                                        {"usage_events", "request_id"}}) {
        CAPTURE(table, column);
        CHECK(database.value(
                  "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = "
                  "i.indkey[0] "
                  "WHERE i.indrelid = to_regclass($1) AND a.attname = $2 AND i.indisunique AND i.indnkeyatts = 1",
                  pqxx::params{table, column}) == "1");
    }
    database.execute("INSERT INTO jobs (kind) VALUES ('x')");
    CHECK(database.value("SELECT format('%s %s %s %s', status, attempts, max_attempts, payload) FROM jobs") ==
          "pending 0 3 {}");
    CHECK(database.value("SELECT pg_get_expr(indpred, indrelid) IS NOT NULL FROM pg_index i JOIN pg_attribute a ON "
                         "a.attrelid = i.indrelid AND "
                         "a.attnum = i.indkey[0] WHERE i.indrelid = 'jobs'::regclass AND a.attname = 'dedupe_key' AND "
                         "i.indisunique") == "t");
}

TEST_CASE("catalogue: every table and every column carries a comment, and a table's names a reader or a writer") {
    TestDatabase database;
    CHECK(database.value(
              "SELECT coalesce(string_agg(format('%s.%s', c.relname, a.attname), ', '), 'none') "
              "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
              "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND col_description(c.oid, a.attnum) "
              "IS NULL") == "none");
    CHECK(database.value("SELECT coalesce(string_agg(relname, ', '), 'none') FROM pg_class "
                         "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
                         "AND coalesce(obj_description(oid, 'pg_class'), '') !~* '(read|written|shown)'") == "none");
    CHECK(database.value("SELECT count(*) BETWEEN 40 AND 45 FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                         "AND relkind = 'r'") == "t");
}

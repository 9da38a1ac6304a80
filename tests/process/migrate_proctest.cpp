/// @file  `oiabd migrate` as processes: many at once, on what an earlier release left, and while it says what it would
/// do.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "support/child_process.hpp"
#include "support/test_database.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

ChildOptions connected_to(const TestDatabase& database) {
    ChildOptions options;
    options.environment = {{"OIABD_CONFIG", "/dev/null"}, {"OIABD_DATABASE_URL", database.url()}};
    return options;
}

}  // namespace

TEST_CASE("oiabd migrate: twenty processes at once migrate once, and all of them succeed") {
    TestDatabase database{Content::kEmpty};
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int i = 0; i < 20; ++i) {
        children.push_back(std::make_unique<ChildProcess>(std::vector<std::string>{oiabd_path(), "migrate", "--json"},
                                                          connected_to(database)));
    }
    int changed = 0;
    for (const auto& child : children) {
        const auto end = child->wait_or_fail(180s);
        INFO(child->err());
        CHECK(end.code == 0);
        if (child->out().find("true") != std::string::npos) ++changed;
    }
    CHECK(changed == 1);
    CHECK(run_child({oiabd_path(), "migrate", "--check"}, connected_to(database), 60s).code == 0);
}

TEST_CASE(
    "oiabd migrate --check: on the published columns it tells what it would rewrite, exits 3 and changes nothing") {
    TestDatabase database{Content::kEmpty};
    std::ifstream in{std::string{OIAB_SOURCE_DIR} + "/tests/pg/pg/published_schema.sql"};
    std::ostringstream published;
    published << in.rdbuf();
    database.execute(published.str());

    const auto told = run_child({oiabd_path(), "migrate", "--check"}, connected_to(database), 60s);
    CHECK(told.code == 3);
    CHECK_THAT(told.out, ContainsSubstring(
                             "add column memories.embedding_bits bit(1536) (rewrites the table once: about 2 rows)"));
    CHECK(database.value("SELECT to_regclass('workers')") == "NULL");

    CHECK(run_child({oiabd_path(), "migrate"}, connected_to(database), 60s).code == 0);
    CHECK(database.value("SELECT count(*) FROM jobs") == "3");
    const auto after = run_child({oiabd_path(), "migrate", "--check"}, connected_to(database), 60s);
    INFO(after.out);
    CHECK(after.code == 0);
}

TEST_CASE("oiabd: a worker that owns nothing starts with one look at the schema and does its work") {
    TestDatabase database;
    std::ifstream in{std::string{OIAB_SOURCE_DIR} + "/migrations/roles.sql"};
    std::ostringstream roles;
    roles << in.rdbuf();
    database.execute(roles.str());
    database.execute("DROP ROLE IF EXISTS owns_nothing; CREATE ROLE owns_nothing LOGIN IN ROLE oiab_worker");
    database.execute("INSERT INTO jobs (kind, payload) VALUES ('noop', '{}')");

    auto options = connected_to(database);
    options.environment["OIABD_DATABASE_URL"] = database.tcp_url("owns_nothing");
    options.environment["OIABD_DIAGNOSTICS"] = "1";
    const auto once = run_child({oiabd_path(), "--once"}, options, 60s);
    INFO(once.err);
    CHECK(once.code == 0);
    CHECK(database.value("SELECT status FROM jobs") == "completed");

    // A newer release has to be migrated by the owner, and the refusal says so.
    database.execute("UPDATE schema_meta SET value = 'of another release' WHERE key = 'fingerprint'");
    const auto migrate = run_child({oiabd_path(), "migrate"}, options, 60s);
    CHECK(migrate.code == 1);
    CHECK_THAT(migrate.err, ContainsSubstring("oiabd migrate as the owner"));
    database.execute(
        "DROP ROLE owns_nothing; DROP OWNED BY oiab_worker, oiab_producer; DROP ROLE oiab_worker, oiab_producer");
}

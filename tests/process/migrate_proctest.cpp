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
    CHECK_THAT(told.out,
               ContainsSubstring("add column jobs.dedupe_pending text (rewrites the table once: about 3 rows)"));
    CHECK(database.value("SELECT to_regclass('workers')") == "NULL");

    CHECK(run_child({oiabd_path(), "migrate"}, connected_to(database), 60s).code == 0);
    CHECK(database.value("SELECT count(*) FROM jobs") == "3");
    const auto after = run_child({oiabd_path(), "migrate", "--check"}, connected_to(database), 60s);
    INFO(after.out);
    CHECK(after.code == 0);
}

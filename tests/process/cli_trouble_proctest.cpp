#include <catch2/generators/catch_generators.hpp>

#include "cli.hpp"

using namespace oiab::tests;

namespace {

/// Every command that talks to the database.
std::vector<std::string> some_command() {
    return GENERATE(values<std::vector<std::string>>({{"jobs", "list"},
                                                      {"enqueue", "noop"},
                                                      {"workers"},
                                                      {"healthcheck"},
                                                      {"pause"},
                                                      {"migrate"},
                                                      {"migrate", "--check"},
                                                      {"--once"}}));
}

/// One sentence, exit code 1, and no password. --once may have logged lines of its own before.
void check_trouble(const Finished& finished, const std::string& part) {
    INFO("stdout: " << finished.out << "\nstderr: " << finished.err);
    CHECK(finished.code == 1);
    CHECK(finished.out.empty());
    CHECK(finished.err.find("oiabd: ") != std::string::npos);
    CHECK(finished.err.find(part) != std::string::npos);
    CHECK(finished.err.find("hunter2") == std::string::npos);
}

}  // namespace

TEST_CASE("database trouble: a URL that is none is told without quoting it") {
    Cli cli;
    cli.environment["OIABD_DATABASE_URL"] = "postgresql:/me:hunter2@localhost";
    check_trouble(cli.run(some_command()), "database_url is neither a postgresql:// URI nor a libpq connection string");
}

TEST_CASE("database trouble: no server") {
    Cli cli;
    cli.environment["OIABD_DATABASE_URL"] = "postgresql://me:hunter2@127.0.0.1:1/db";
    check_trouble(cli.run(some_command()), "Connection refused");
}

TEST_CASE("database trouble: nobody said where the database is") {
    Cli cli;
    check_trouble(cli.run({"jobs", "list"}), "set OIABD_DATABASE_URL, or database_url in the configuration file");
}

TEST_CASE("database trouble: wrong password, unknown database") {
    TestDatabase database;
    database.execute("DROP ROLE IF EXISTS with_password; CREATE ROLE with_password LOGIN PASSWORD 'right'");
    Cli cli;
    cli.environment["OIABD_DATABASE_URL"] = database.tcp_url("with_password", "hunter2");
    check_trouble(cli.run({"jobs", "list"}), "password authentication failed for user \"with_password\"");
    cli.environment["OIABD_DATABASE_URL"] = database.server().url("no_such_database");
    check_trouble(cli.run({"jobs", "list"}), "database \"no_such_database\" does not exist");
}

TEST_CASE("database trouble: a database without our tables asks for oiabd migrate, which makes them") {
    TestDatabase database{Content::kEmpty};
    const Cli cli{database};
    check_trouble(cli.run({"jobs", "list"}), "run `oiabd migrate`");
    check_trouble(cli.run({"enqueue", "noop"}), "run `oiabd migrate`");

    const auto before = cli.run({"migrate", "--check", "--json"});
    CHECK(before.code == 3);
    CHECK(json_of(before)["changes"].size() > 10);
    CHECK(database.value("SELECT to_regclass('jobs')") == "NULL");

    CHECK(json_of(cli.run({"migrate", "--json"}))["changed"] == true);
    CHECK(json_of(cli.run({"migrate", "--json"}))["changed"] == false);
    CHECK(cli.run({"migrate", "--check"}).code == 0);
    CHECK(cli.run({"jobs", "list"}).out == "No jobs.\n");
}

TEST_CASE("database trouble: a role without privileges is told what it lacks") {
    TestDatabase database;
    database.execute("DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special LOGIN");
    Cli cli;
    cli.environment["OIABD_DATABASE_URL"] = database.tcp_url("nobody_special");
    check_trouble(cli.run({"jobs", "list"}), "permission denied for table jobs");
    check_trouble(cli.run({"enqueue", "noop"}), "the database refuses this role");
}

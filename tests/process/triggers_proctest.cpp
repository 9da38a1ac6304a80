#include <catch2/catch_test_macros.hpp>
#include <csignal>

#include "daemon.hpp"

using namespace oiab::tests;

TEST_CASE("daemon: a cron trigger fires its job, which runs") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    database.execute(
        "INSERT INTO triggers (name, cron_expression, time_zone, job_kind, job_payload, next_fire_at) "
        "VALUES ('soon', '*/5 * * * *', 'Europe/Berlin', 'noop', '{\"result\": \"done\"}', now() + interval '1 "
        "second')");
    eventually(60s, [&] { return count(database, "kind = 'noop' AND status = 'completed'") == "1"; }, "the job ran");
    CHECK(count(database, "kind = 'trigger-fire' AND status = 'completed'") == "1");
    CHECK(database.value("SELECT next_fire_at > now() AND last_job_id = (SELECT id FROM jobs WHERE kind = 'noop') "
                         "FROM triggers") == "t");
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
}

TEST_CASE("cli: triggers are listed and fired") {
    TestDatabase database;
    const Cli cli{database};
    CHECK(cli.run({"triggers", "list"}).out == "No triggers.\n");
    const auto id = database.value(
        "INSERT INTO triggers (name, cron_expression, job_kind) VALUES ('nightly', '0 3 * * *', 'noop') RETURNING id");
    CHECK(cli.run({"triggers", "list"}).out.find("not planned yet") != std::string::npos);
    const auto list = json_of(cli.run({"triggers", "list", "--json"}));
    REQUIRE(list.size() == 1);
    CHECK(list[0].at("id") == id);
    CHECK(list[0].at("cronExpression") == "0 3 * * *");
    CHECK(list[0].at("stopped") == false);
    CHECK(list[0].at("nextFireAt").is_null());

    const auto fired = json_of(cli.run({"triggers", "fire", id, "--json"}));
    CHECK(database.value("SELECT payload ->> 'triggerId' FROM jobs WHERE kind = 'trigger-fire' AND id = $1",
                         pqxx::params{fired.at("jobId").get<std::string>()}) == id);
    check_sentence(cli.run({"triggers", "fire", "00000000-0000-7000-8000-000000000001"}), 3, "there is no trigger");
    check_sentence(cli.run({"triggers", "fire", "nightly"}), 2, "an id is a UUID");
    check_sentence(cli.run({"triggers"}), 2, "list, next, fire");
}

TEST_CASE("cli: the next firings of an expression are told without a database") {
    Cli cli;
    const auto next = json_of(cli.run({"triggers", "next", "30 2 * * *", "--time-zone", "Europe/Berlin", "--after",
                                       "2026-03-28T12:00Z", "--count", "2", "--json"}));
    CHECK(next == nlohmann::json::array({{{"at", "2026-03-29T01:00:00Z"}, {"local", "2026-03-29T03:00:00+02:00"}},
                                         {{"at", "2026-03-30T00:30:00Z"}, {"local", "2026-03-30T02:30:00+02:00"}}}));
    CHECK(cli.run({"triggers", "next", "@hourly"}).out.starts_with("UTC"));
    check_sentence(cli.run({"triggers", "next", "61 * * * *"}), 2, "minute \"61\" must be 0 to 59");
    check_sentence(cli.run({"triggers", "next", "* * * * *", "--time-zone", "Mars"}), 2, "there is no time zone");
    check_sentence(cli.run({"triggers", "next", "0 0 30 2 *"}), 3, "never fires");
    check_sentence(cli.run({"triggers", "next", "* * * * *", "--after", "noon"}), 2, "--after must be a time");
}

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fstream>

#include "daemon.hpp"

using namespace std::chrono_literals;
using namespace oiab::tests;

TEST_CASE("daemon: SIGTERM ends an idle daemon with exit code 0") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    for (const int signal : {SIGTERM, SIGINT}) {
        const auto daemon = cli.start({});
        wait_until_ready(*daemon);
        daemon->signal(signal);
        CHECK(daemon->wait_or_fail().code == 0);
    }
    CHECK(database.value("SELECT count(*) FROM workers") == "0");
}

TEST_CASE("daemon: SIGTERM lets a running job finish") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 1500, "result": "done"})"});
    eventually(10s, [&] { return count(database, "status = 'running'") == "1"; }, "the job runs");
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
    CHECK(database.value("SELECT status || attempts FROM jobs") == "completed1");
}

TEST_CASE("daemon: a second signal cancels what runs, and it goes back uncounted") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 600000})"});
    eventually(10s, [&] { return count(database, "status = 'running'") == "1"; }, "the job runs");
    daemon->signal(SIGTERM);
    eventually(10s, [&] { return daemon->err().find("draining") != std::string::npos; }, "the daemon drains");
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
    CHECK(database.value("SELECT status || attempts FROM jobs") == "pending0");
}

TEST_CASE("daemon: two daemons on one queue run every job exactly once") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto one = cli.start({});
    const auto other = cli.start({});
    wait_until_ready(*one);
    wait_until_ready(*other);
    database.execute(
        "INSERT INTO jobs (kind, payload) SELECT 'noop', '{\"sleepMs\": 1}' FROM generate_series(1, 4000)");
    eventually(60s, [&] { return count(database, "status = 'completed'") == "4000"; }, "all jobs are completed");
    CHECK(count(database, "attempts <> 1 OR lease_epoch <> 1") == "0");
    CHECK(database.value("SELECT count(DISTINCT locked_by) FROM jobs") == "2");
}

TEST_CASE("daemon: after kill -9 in the middle of work another daemon takes over, and nothing is lost") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto victim = cli.start({});
    wait_until_ready(*victim);
    database.execute(
        "INSERT INTO jobs (kind, payload) SELECT 'noop', '{\"sleepMs\": 100}' FROM generate_series(1, 500)");
    eventually(
        30s,
        [&] { return count(database, "status = 'completed'") != "0" && count(database, "status = 'running'") != "0"; },
        "some jobs are done and some are running");
    victim->signal(SIGKILL);
    CHECK(victim->wait_or_fail().killed);
    // What the victim had sent already is still carried out by its sessions.
    eventually(
        30s,
        [&] {
            return database.value(
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'oiabd%' AND datname = "
                       "current_database()") == "0";
        },
        "the server has noticed that the victim is gone");
    const auto held = std::stoi(count(database, "status = 'running'"));
    CHECK(held > 0);

    const auto heir = cli.start({});
    wait_until_ready(*heir);
    eventually(60s, [&] { return count(database, "status = 'completed'") == "500"; }, "the heir has done the rest");
    CHECK(std::stoi(count(database, "crash_count = 1 AND attempts = 2")) == held);
    CHECK(count(database, "crash_count > 1 OR attempts > 2") == "0");
}

TEST_CASE("daemon: one that stood still past its lease writes nothing about what others have done since") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto sleeper = cli.start({});
    wait_until_ready(*sleeper);
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 1500, "result": "once"})"});
    eventually(10s, [&] { return count(database, "status = 'running'") == "1"; }, "the job runs");
    sleeper->signal(SIGSTOP);
    const auto other = cli.start({});
    eventually(60s, [&] { return count(database, "status = 'completed'") == "1"; }, "the other daemon has done it");
    const auto row = [&] {
        return database.value("SELECT locked_by || lease_epoch || finished_at || attempts FROM jobs");
    };
    const auto before = row();
    sleeper->signal(SIGCONT);
    eventually(
        30s,
        [&] {
            return sleeper->err().find("no longer ours") != std::string::npos ||
                   sleeper->err().find("could not be renewed") != std::string::npos;
        },
        "the sleeper has noticed");
    sleeper->signal(SIGTERM);
    CHECK(sleeper->wait_or_fail().code == 0);
    CHECK(row() == before);
    CHECK(count(database, "crash_count = 1 AND lease_epoch = 2") == "1");
}

TEST_CASE("daemon: a job that kills its process fails as crashed, and the next daemons live on") {
    TestDatabase database;
    auto cli = quick_cli(database);
    const auto id = cli.enqueue({"noop", R"({"crash": true})", "--max-attempts", "10"});
    for (int crash = 1; crash <= 3; ++crash) {
        const auto daemon = cli.start({});
        const auto end = daemon->wait_or_fail(60s);
        CHECK(end.killed);
    }
    const auto daemon = cli.start({});
    eventually(30s, [&] { return count(database, "status = 'failed'") == "1"; }, "the third crash is charged");
    CHECK(database.value("SELECT failure_reason || crash_count FROM jobs") == "crashed3");
    CHECK_FALSE(daemon->wait(0ms));
}

TEST_CASE("daemon: the server goes away during work and comes back, and the daemon recovers by itself") {
    PostgresServer server;
    TestDatabase database{Content::kMigrated, server};
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    database.execute(
        "INSERT INTO jobs (kind, payload) SELECT 'noop', '{\"sleepMs\": 5}' FROM generate_series(1, 3000)");
    eventually(30s, [&] { return count(database, "status = 'completed'") != "0"; }, "some jobs are done");
    SECTION("after an orderly restart") { server.restart(); }
    SECTION("after a crash of the server") {
        server.kill();
        server.start();
    }
    // The test's own connection did not survive either.
    CHECK_THROWS_AS(database.value("SELECT 1"), pqxx::broken_connection);
    eventually(90s, [&] { return count(database, "status = 'completed'") == "3000"; }, "all jobs are completed");
    CHECK(count(database, "attempts > 2") == "0");
    CHECK_FALSE(daemon->wait(0ms));
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
}

TEST_CASE("daemon: the leader deletes what has outlived its use, whatever made its ids") {
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_RETENTION"] = "1d";
    database.execute(
        "INSERT INTO jobs (id, kind, status, finished_at) SELECT id::uuid, 'noop', 'completed', now() - age::interval "
        "FROM (VALUES ('01900000-0000-7000-8000-000000000001', '2 days'), ('f0000000-0000-4000-8000-000000000002', '2 "
        "days'), ('f0000000-0000-4000-8000-000000000003', '1 hour')) AS rows (id, age);"
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at) "
        "VALUES (gen_random_uuid(), 'orphan', 'done', 'x', 1, 1, now());"
        "INSERT INTO audit_log (ts, action) VALUES (now() - interval '3 years', 'tool.execute'), (now(), "
        "'tool.execute')");
    const auto daemon = cli.start({});
    eventually(
        30s,
        [&] {
            return database.value(
                       "SELECT (SELECT string_agg(id::text, ' ') FROM jobs) || ' ' || (SELECT count(*) FROM "
                       "job_steps) || ' ' || (SELECT count(*) FROM audit_log)") ==
                   "f0000000-0000-4000-8000-000000000003 0 1";
        },
        "only what is young is left");
}

TEST_CASE("daemon: without notifications the poll is enough, and behind a pooler nothing is prepared") {
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_NOTIFY"] = "false";
    cli.environment["OIABD_PREPARE"] = "off";
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    database.execute("INSERT INTO jobs (kind, serial_key) SELECT 'noop', 'lane' FROM generate_series(1, 3)");
    eventually(30s, [&] { return count(database, "status = 'completed'") == "3"; }, "the poll finds the jobs");
    CHECK(database.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'") == "0");
}

TEST_CASE("daemon: while idle it makes no query but its poll and its renewals, and stays small") {
    PostgresServer server{{"shared_preload_libraries=pg_stat_statements"}};
    TestDatabase database{Content::kMigrated, server};
    database.execute("CREATE EXTENSION pg_stat_statements");
    Cli cli{database};
    cli.environment["OIABD_POLL_INTERVAL"] = "1s";
    cli.environment["OIABD_LEASE"] = "6s";
    cli.environment["OIABD_DIAGNOSTICS"] = "1";
    // Rows that are due in ages must not keep the daemon busy, whatever their distance is in nanoseconds.
    database.execute(
        "INSERT INTO jobs (kind, run_at) VALUES ('noop', '2400-01-01'), ('noop', '9999-12-31'), ('noop', 'infinity')");
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto polls = [&] {
        return std::stoi("0" + database.value("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE "
                                              "'%Claims up to%'"));
    };
    // From the second poll on everything that belongs to the start is over.
    eventually(30s, [&] { return polls() >= 2; }, "the daemon has polled twice");
    database.execute("SELECT pg_stat_statements_reset()");
    eventually(30s, [&] { return polls() >= 4; }, "the daemon has polled four times more");
    // Ours begin with a comment that tells what they do; transaction control and this test's own do not count.
    const auto others = database.value(
        "SELECT coalesce(string_agg(calls || 'x ' || left(query, 120), '; '), '') FROM pg_stat_statements "
        "WHERE query !~ 'pg_stat_statements' AND query !~ '^(BEGIN|COMMIT|SET|ROLLBACK)' AND calls > 8");
    CHECK(others == "");
    std::ifstream status{"/proc/" + std::to_string(daemon->pid()) + "/status"};
    std::string line;
    int resident_kb = 0;
    while (std::getline(status, line))
        if (line.starts_with("VmRSS:")) resident_kb = std::stoi(line.substr(6));
    REQUIRE(resident_kb > 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(resident_kb < 25 * 1024);
#endif
}

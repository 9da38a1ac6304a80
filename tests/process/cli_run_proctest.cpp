#include <csignal>

#include "cli.hpp"
#include "support/eventually.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

std::string status_of(TestDatabase& database, const std::string& id) {
    return database.value("SELECT status FROM jobs WHERE id = $1", pqxx::params{id});
}

}  // namespace

TEST_CASE("once: completed is 0, and the outcome is one JSON object") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"result": {"answer": 42}})"});
    const auto finished = cli.run({"--once", "--diagnostics"});
    INFO(finished.err);
    CHECK(finished.code == 0);
    const auto outcome = json_of(finished);
    CHECK(outcome["id"] == id);
    CHECK(outcome["kind"] == "noop");
    CHECK(outcome["attempt"] == 1);
    CHECK(outcome["status"] == "completed");
    CHECK(outcome["result"]["answer"] == 42);
    CHECK(status_of(database, id) == "completed");
}

TEST_CASE("once: nothing to do is 3") {
    TestDatabase database;
    const Cli cli{database};
    CHECK(cli.run({"--once", "--diagnostics"}).code == 3);
    const auto other = cli.enqueue({"nobody-handles-this"});
    CHECK(cli.run({"--once", "--diagnostics"}).code == 3);
    const auto later = cli.enqueue({"noop", "--delay", "1h"});
    CHECK(cli.run({"--once", "--diagnostics"}).code == 3);
    CHECK(cli.run({"--once", "--job", "01980f4e-7f0e-7bfc-8d8e-000000000000"}).code == 3);
    CHECK(status_of(database, other) == "pending");
    CHECK(status_of(database, later) == "pending");
}

TEST_CASE("once: failed for good is 4") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"failTimes": 1})", "--max-attempts", "1"});
    const auto finished = cli.run({"--once", "--diagnostics"});
    CHECK(finished.code == 4);
    CHECK(json_of(finished)["status"] == "failed");
    CHECK(status_of(database, id) == "failed");
}

TEST_CASE("once: a payload that the handler cannot use fails at once and names the field") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"sleepMs": "long"})"});
    const auto finished = cli.run({"--once", "--diagnostics"});
    CHECK(finished.code == 4);
    const auto outcome = json_of(finished);
    CHECK(outcome["failureReason"] == "invalid_payload");
    CHECK(outcome["error"].get<std::string>().find("sleepMs") != std::string::npos);
    CHECK(database.value("SELECT attempts FROM jobs WHERE id = $1", pqxx::params{id}) == "1");
}

TEST_CASE("once: back to pending is 5") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"failTimes": 1})"});
    const auto finished = cli.run({"--once", "--diagnostics"});
    CHECK(finished.code == 5);
    CHECK(json_of(finished)["status"] == "pending");
    CHECK(status_of(database, id) == "pending");
}

TEST_CASE("once: --job takes that one, due or not; a kind without a handler fails with no_handler") {
    TestDatabase database;
    const Cli cli{database};
    const auto later = cli.enqueue({"noop", "--delay", "1h"});
    CHECK(json_of(cli.run({"--once", "--diagnostics", "--job", later}))["status"] == "completed");
    const auto unknown = cli.enqueue({"nobody-handles-this"});
    const auto finished = cli.run({"--once", "--job", unknown});
    CHECK(finished.code == 4);
    CHECK(database.value("SELECT failure_reason FROM jobs WHERE id = $1", pqxx::params{unknown}) == "no_handler");
}

TEST_CASE("once: a kind's own settings hold below a handler for a whole prefix") {
    TestDatabase database;
    const TemporaryDirectory directory;
    Cli cli{database};
    cli.environment["OIABD_CONFIG"] = directory.write("oiabd.toml", R"(
retry_cap = "7d"
[handlers."x-*"]
exec = ["/bin/false"]
[kind."x-patient"]
retry_base = "3d"
)");
    const auto hasty = cli.enqueue({"x-hasty"});
    const auto patient = cli.enqueue({"x-patient"});
    CHECK(cli.run({"--once", "--job", hasty}).code == 5);
    CHECK(cli.run({"--once", "--job", patient}).code == 5);
    const auto waits_a_day = [&](const std::string& id) {
        return database.value("SELECT run_at > now() + interval '1 day' FROM jobs WHERE id = $1", pqxx::params{id});
    };
    CHECK(waits_a_day(hasty) == "f");
    CHECK(waits_a_day(patient) == "t");
}

TEST_CASE("once: --kind chooses, --dry-run changes nothing") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop"});
    CHECK(cli.run({"--once", "--diagnostics", "--kind", "agent-turn"}).code == 3);
    const auto dry = cli.run({"--once", "--diagnostics", "--dry-run", "--kind", "noo*"});
    CHECK(dry.code == 0);
    CHECK(json_of(dry)["id"] == id);
    CHECK(database.value("SELECT status || attempts || lease_epoch FROM jobs") == "pending00");
}

TEST_CASE("once: Ctrl-C gives the job back uncounted") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 600000})"});
    const auto child = cli.start({"--once", "--diagnostics"});
    eventually(30s, [&] { return status_of(database, id) == "running"; }, "the job runs");
    child->signal(SIGINT);
    const auto end = child->wait_or_fail();
    CHECK_FALSE(end.killed);
    CHECK(end.code == 5);
    CHECK(database.value("SELECT status || attempts FROM jobs") == "pending0");
}

TEST_CASE("once: Ctrl-C during the claim leaves no job that nobody runs") {
    TestDatabase database;
    const Cli cli{database};
    // The claim is held up in its statement until the test lets it go.
    database.execute(R"(
        CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$;
        CREATE TRIGGER hold_up BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.status = 'running')
            EXECUTE FUNCTION hold_up())");
    cli.enqueue({"noop", R"({"sleepMs": 600000})"});
    database.execute("SELECT pg_advisory_lock(4711)");
    const auto child = cli.start({"--once", "--diagnostics"});
    eventually(
        30s,
        [&] {
            return database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "1";
        },
        "the claim is under way");
    child->signal(SIGINT);
    database.execute("SELECT pg_advisory_unlock(4711)");
    const auto end = child->wait_or_fail();
    CHECK_FALSE(end.killed);
    CHECK(end.code == 5);
    CHECK(database.value("SELECT status || attempts FROM jobs") == "pending0");
}

TEST_CASE("enqueue --wait: exits by the outcome") {
    TestDatabase database;
    Cli cli{database};
    cli.environment["OIABD_DIAGNOSTICS"] = "true";
    cli.environment["OIABD_POLL_INTERVAL"] = "100ms";
    const auto service = cli.start({"--kinds", "noop"});

    const auto completed = cli.run({"enqueue", "noop", R"({"result": "fine"})", "--wait"});
    INFO(completed.err << service->err());
    CHECK(completed.code == 0);
    CHECK(completed.out.find("completed: \"fine\"") != std::string::npos);

    const auto failed = cli.run({"enqueue", "noop", R"({"failTimes": 1})", "--max-attempts", "1", "--wait", "--json"});
    CHECK(failed.code == 4);
    CHECK(json_of(failed)["status"] == "failed");

    const auto late = cli.run({"enqueue", "noop", "--delay", "1h", "--wait", "--wait-timeout", "50ms"});
    CHECK(late.code == 5);
    CHECK(late.err.find("has not finished in time, its status is pending") != std::string::npos);

    service->signal(SIGTERM);
    CHECK(service->wait_or_fail().code == 0);
}

TEST_CASE("workers and healthcheck: a service shows itself while it runs, and is gone after it") {
    TestDatabase database;
    Cli cli{database};
    cli.environment["OIABD_WORKER_NAME"] = "a-host-of-its-own";
    check_sentence(cli.run({"healthcheck"}), 1, "no worker of ");
    CHECK(cli.run({"workers"}).out.starts_with("No workers."));
    const auto service = cli.start({"--diagnostics", "--slots", "3"});
    eventually(30s, [&] { return cli.run({"healthcheck"}).code == 0; }, "the worker shows itself");
    const auto workers = json_of(cli.run({"workers", "--json"}));
    REQUIRE(workers.size() == 1);
    CHECK(workers[0]["slots"] == 3);
    CHECK(workers[0]["pid"] == service->pid());
    CHECK(cli.run({"workers"}).out.find("running") != std::string::npos);
    service->signal(SIGTERM);
    CHECK(service->wait_or_fail().code == 0);
    CHECK(cli.run({"healthcheck"}).code == 1);
}

TEST_CASE("once: runs the first job of a lane that no service has let through") {
    TestDatabase database;
    const Cli cli{database};
    const auto first = cli.enqueue({"noop", "--serial-key", "lane"});
    const auto second = cli.enqueue({"noop", "--serial-key", "lane"});
    REQUIRE(database.value("SELECT count(*) FROM jobs WHERE lane_ready") == "0");
    CHECK(cli.run({"--once", "--diagnostics"}).code == 0);
    CHECK(status_of(database, first) == "completed");
    CHECK(status_of(database, second) == "pending");
}

TEST_CASE("once: a session that breaks while the job runs costs nothing of its work") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 2000, "result": "kept"})"});
    const auto once = cli.start({"--once", "--diagnostics"});
    eventually(20s, [&] { return status_of(database, id) == "running"; }, "the job runs");
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'oiabd once%' AND datname "
        "= "
        "current_database()");
    CHECK(once->wait_or_fail().code == 0);
    CHECK(database.value("SELECT result FROM jobs") == "\"kept\"");
}

/// @file  What the engine does when handlers, other sessions or the server do not keep to the plan.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "support/engine_fixture.hpp"

using namespace std::chrono_literals;
using namespace oiab;
using tests::eventually;
using tests::LambdaHandler;
using tests::RunningEngine;
using tests::TestDatabase;

namespace {

/// A job that runs under a lease which somebody let lapse a second ago.
void insert_lapsed(TestDatabase& database) {
    database.execute("INSERT INTO jobs (kind) VALUES ('short')");
    database.execute(
        "UPDATE jobs SET status = 'running', attempts = 1, lease_epoch = 1, locked_by = 'somebody', locked_at = now(), "
        "started_at = now(), lease_until = now() - interval '1 s'");
}

namespace asio = boost::asio;

/// Handlers that wait until the test lets them go.
struct Latch {
    std::atomic<bool> open{false};
    std::atomic<int> entered{0};

    std::shared_ptr<LambdaHandler> handler(bool heeds_cancellation = true) {
        return std::make_shared<LambdaHandler>([this, heeds_cancellation](Attempt&) -> asio::awaitable<core::Outcome> {
            ++entered;
            if (!heeds_cancellation) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            while (!open) {
                asio::steady_timer timer{co_await asio::this_coro::executor, 10ms};
                co_await timer.async_wait(asio::use_awaitable);
            }
            co_return core::completed();
        });
    }
};

std::shared_ptr<LambdaHandler> quick() {
    return std::make_shared<LambdaHandler>(
        [](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); });
}

}  // namespace

TEST_CASE("engine: jobs that turn long are not hoarded") {
    TestDatabase database;
    Latch latch;
    Registry registry;
    registry.add("short", quick());
    registry.add("long", latch.handler());
    auto settings = tests::quick_settings(database);
    settings.slots = 2;
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind) SELECT 'short' FROM generate_series(1, 300)");
    eventually(
        10s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "300"; },
        "the short ones are done");
    database.execute("INSERT INTO jobs (kind) SELECT 'long' FROM generate_series(1, 100)");
    eventually(10s, [&] { return latch.entered == 2; }, "the slots are taken");
    // What was prefetched on the wrong guess goes back once, and stays where others can get it.
    eventually(
        10s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "2"; },
        "only what runs is held");
    CHECK(database.value("SELECT max(lease_epoch) FROM jobs WHERE status = 'pending'") == "1");
    latch.open = true;
}

TEST_CASE("engine: a handler that ignores its deadline holds its slot, not its job") {
    TestDatabase database;
    Latch latch;
    Registry registry;
    registry.add("deaf", latch.handler(false));
    auto settings = tests::quick_settings(database);
    settings.cancel_grace = 200ms;
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind, timeout_seconds, max_attempts) VALUES ('deaf', 1, 1)");
    eventually(
        20s, [&] { return database.value("SELECT status || failure_reason FROM jobs") == "failedtimeout"; },
        "the job has timed out without its handler");
    latch.open = true;
    CHECK(engine.stop().left.empty());
    CHECK(database.value("SELECT status || attempts FROM jobs") == "failed1");
}

TEST_CASE("engine: jobs whose claim was answered to nobody are given back, uncounted") {
    TestDatabase database;
    Registry registry;
    registry.add("short", quick());
    auto settings = tests::quick_settings(database);
    settings.lease = 60s;
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('short')");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "completed"; }, "the engine works");
    // As a claim leaves them that was committed just before the connection broke.
    database.execute(
        "INSERT INTO jobs (kind, run_at) SELECT 'short', now() + interval '1 h' FROM generate_series(1, 3)");
    database.execute(
        "UPDATE jobs SET status = 'running', attempts = 1, lease_epoch = 1, started_at = now(), locked_at = "
        "now(), lease_until = now() + interval '60 s', locked_by = '" +
        engine->worker().value + "' WHERE status = 'pending'");
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oiabd claim' AND "
        "datname = current_database()");
    eventually(
        20s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'pending'") == "3"; },
        "they are pending again");
    CHECK(database.value("SELECT sum(attempts) + sum(crash_count) FROM jobs WHERE status = 'pending'") == "0");
}

TEST_CASE("engine: a claim that a crash of the server undid starts no second handler") {
    TestDatabase database;
    Latch latch;
    Registry registry;
    registry.add("long", latch.handler());
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('long')");
    eventually(10s, [&] { return latch.entered == 1; }, "the handler runs");
    // The row as it was before the claim; replica mode keeps the rules of transition out, as recovery does.
    database.execute(
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE jobs SET status = 'pending', attempts = "
        "0, lease_epoch = 0, locked_by = NULL, locked_at = NULL, started_at = NULL, lease_until = NULL; "
        "COMMIT");
    eventually(
        10s, [&] { return database.value("SELECT status || lease_epoch FROM jobs") == "running1"; },
        "it was claimed again");
    latch.open = true;
    eventually(
        10s, [&] { return database.value("SELECT status || attempts FROM jobs") == "completed1"; },
        "the one handler's outcome is written");
    CHECK(latch.entered == 1);
}

TEST_CASE("engine: a job that two crashes were charged to runs while nothing else does") {
    TestDatabase database;
    Latch others;
    Latch suspect;
    Latch later;
    Registry registry;
    registry.add("other", others.handler());
    registry.add("suspect", suspect.handler());
    registry.add("later", later.handler());
    RunningEngine engine{tests::quick_settings(database), registry};
    const auto claimed = [&](const std::string& kind) {
        eventually(
            10s, [&] { return database.value("SELECT status FROM jobs WHERE kind = '" + kind + "'") == "running"; },
            "it is claimed");
    };
    database.execute("INSERT INTO jobs (kind) VALUES ('other')");
    eventually(10s, [&] { return others.entered == 1; }, "another job runs");
    database.execute("INSERT INTO jobs (kind, crash_count) VALUES ('suspect', 2)");
    claimed("suspect");
    CHECK(suspect.entered == 0);
    others.open = true;
    eventually(10s, [&] { return suspect.entered == 1; }, "it starts once the other has ended");
    database.execute("INSERT INTO jobs (kind) VALUES ('later')");
    claimed("later");
    CHECK(later.entered == 0);
    later.open = true;
    suspect.open = true;
    eventually(
        10s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "3"; },
        "all are done");
}

TEST_CASE("engine: after a start of the server nothing is rescued for one lease") {
    tests::PostgresServer server;
    TestDatabase database{tests::Content::kMigrated, server};
    Registry registry;
    registry.add("short", quick());
    auto settings = tests::quick_settings(database);
    settings.lease = 12s;
    insert_lapsed(database);
    RunningEngine engine{settings, registry};
    eventually(40s, [&] { return database.value("SELECT status FROM jobs") == "completed"; }, "it is rescued and run");
    CHECK(database.value("SELECT (SELECT started_at FROM jobs) - pg_postmaster_start_time() >= interval '12 s'") ==
          "t");
}

TEST_CASE("engine: a new leader walks through the unfinished jobs at once where a worker went without a word") {
    TestDatabase database;
    Registry registry;
    registry.add("short", quick());
    auto settings = tests::quick_settings(database);
    settings.lease = 15s;
    eventually(
        30s, [&] { return database.value("SELECT now() - pg_postmaster_start_time() > interval '15 s'") == "t"; },
        "the server has been up for one lease");
    const bool silent = GENERATE(true, false);
    CAPTURE(silent);
    insert_lapsed(database);
    if (silent) {
        database.execute(
            "INSERT INTO workers (id, host, pid, version, slots, seen_at) "
            "VALUES ('somebody', 'host', 1, '1', 1, now() - interval '16 s')");
    }
    RunningEngine engine{settings, registry};
    eventually(40s, [&] { return database.value("SELECT status FROM jobs") == "completed"; }, "it is rescued and run");
    // A round is a third of the lease.
    CHECK(database.value("SELECT (SELECT started_at FROM jobs) - elected_at < interval '5 s' FROM leadership") ==
          (silent ? "t" : "f"));
}

/// @file  What the metrics of a worker show: of itself, and as the leader of the others.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <pqxx/pqxx>

#include "support/engine_fixture.hpp"

using namespace std::chrono_literals;
using namespace oiab;
using tests::eventually;
using tests::LambdaHandler;
using tests::RunningEngine;
using tests::TestDatabase;

namespace {

namespace asio = boost::asio;

bool shows(const RunningEngine& engine, const std::string& text) {
    return engine.metrics().render().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("engine: the metrics tell the version and how many jobs this worker holds") {
    TestDatabase database;
    std::atomic<bool> open{false};
    Registry registry;
    registry.add("wait", std::make_shared<LambdaHandler>([&open](Attempt&) -> asio::awaitable<core::Outcome> {
                     while (!open) {
                         asio::steady_timer timer{co_await asio::this_coro::executor, 10ms};
                         co_await timer.async_wait(asio::use_awaitable);
                     }
                     co_return core::completed();
                 }));
    RunningEngine engine{tests::quick_settings(database), registry};
    eventually(10s, [&] { return shows(engine, "\noiab_jobs_running 0\n"); }, "the worker shows that it holds nothing");
    CHECK(shows(engine, "\noiab_build_info{version=\"test\"} 1\n"));
    database.execute("INSERT INTO jobs (kind) VALUES ('wait'), ('wait'), ('wait')");
    eventually(10s, [&] { return shows(engine, "\noiab_jobs_running 3\n"); }, "the worker shows its jobs");
    open = true;
    eventually(10s, [&] { return shows(engine, "\noiab_jobs_running 0\n"); }, "the worker shows that they are settled");
    CHECK(engine.stop().left.empty());
}

TEST_CASE("engine: the leader alone shows that it leads and who holds old snapshots") {
    TestDatabase database;
    const Registry registry;
    auto settings = tests::quick_settings(database);
    settings.snapshot_warning = 1s;
    pqxx::connection reader{database.url()};
    pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
    (void)snapshot.exec("SELECT count(*) FROM jobs");
    const auto holder = "holder=\"session\",name=\"" + std::to_string(reader.backendpid()) + "\"";

    RunningEngine first{settings, registry};
    eventually(20s, [&] { return shows(first, holder); }, "the leader names the session");
    CHECK(shows(first, "\noiab_leader 1\n"));
    RunningEngine second{settings, registry};
    // It has asked whether to lead once it is known to the others.
    eventually(
        20s, [&] { return database.value("SELECT count(*) FROM workers") == "2"; }, "the second worker is known");
    CHECK(shows(second, "\noiab_leader 0\n"));
    CHECK_FALSE(shows(second, "oiab_old_snapshot"));

    CHECK(first.stop().left.empty());
    CHECK(shows(first, "\noiab_leader 0\n"));
    CHECK_FALSE(shows(first, "oiab_old_snapshot"));
    eventually(20s, [&] { return shows(second, holder); }, "the second worker leads and names the session");
    CHECK(shows(second, "\noiab_leader 1\n"));
    CHECK(second.stop().left.empty());
}

TEST_CASE("engine: a leader that lost its session shows what it knows again once it has looked again") {
    TestDatabase database;
    const Registry registry;
    auto settings = tests::quick_settings(database);
    settings.snapshot_warning = 1s;
    RunningEngine engine{settings, registry};
    eventually(20s, [&] { return shows(engine, "\noiab_old_snapshots 0\n"); }, "the leader has looked");
    pqxx::connection elsewhere{database.server().url("postgres")};
    const auto do_elsewhere = [&](const std::string& sql) { (void)pqxx::nontransaction{elsewhere}.exec(sql); };
    do_elsewhere("ALTER DATABASE " + database.name() + " ALLOW_CONNECTIONS false");
    do_elsewhere(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oiabd janitor' AND datname = "
        "'" +
        database.name() + "'");
    eventually(20s, [&] { return shows(engine, "\noiab_leader 0\n"); }, "the worker is no leader without its session");
    CHECK_FALSE(shows(engine, "oiab_old_snapshots"));
    do_elsewhere("ALTER DATABASE " + database.name() + " ALLOW_CONNECTIONS true");
    eventually(20s, [&] { return shows(engine, "\noiab_old_snapshots 0\n"); }, "the leader has looked again");
    CHECK(shows(engine, "\noiab_leader 1\n"));
}

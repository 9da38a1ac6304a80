#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "support/engine_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

TEST_CASE("claimer: a retry starts when it is due, not at the next poll") {
    TestDatabase database;
    Registry registry;
    registry.add("flaky",
                 std::make_shared<LambdaHandler>([](Attempt& attempt) -> boost::asio::awaitable<core::Outcome> {
                     // Longer than the looks that follow a notification.
                     boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, 300ms};
                     co_await timer.async_wait(boost::asio::use_awaitable);
                     if (attempt.job().attempt == 1) co_return core::retry("not yet", 50ms);
                     co_return core::completed();
                 }));
    auto settings = quick_settings(database);
    settings.poll_interval = std::chrono::hours{1};
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('flaky')");
    eventually(
        30s, [&] { return database.value("SELECT status FROM jobs") == "completed"; },
        "the second attempt completes long before the poll");
    CHECK(database.value("SELECT attempts FROM jobs") == "2");
}

TEST_CASE("claimer: is woken by a notification, also after its session was ended") {
    TestDatabase database;
    Registry registry;
    registry.add("short", std::make_shared<LambdaHandler>(
                              [](Attempt&) -> boost::asio::awaitable<core::Outcome> { co_return core::completed(); }));
    auto settings = quick_settings(database);
    settings.poll_interval = std::chrono::hours{1};
    RunningEngine engine{settings, registry};
    const std::string claimers =
        "FROM pg_stat_activity WHERE application_name = 'oiabd claim' AND datname = current_database()";
    for (int round = 1; round <= 2; ++round) {
        // The last statement of a claimer that has nothing to do asks when something is due.
        eventually(
            30s,
            [&] {
                return database.value("SELECT count(*) " + claimers +
                                      " AND state = 'idle' AND query LIKE '%How long until%'") == "1";
            },
            "the claimer sleeps");
        database.execute("INSERT INTO jobs (kind) VALUES ('short')");
        eventually(
            30s,
            [&] {
                return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == std::to_string(round);
            },
            "the notification woke it");
        database.execute("SELECT pg_terminate_backend(pid, 10000) " + claimers);
    }
}

TEST_CASE("claimer: finds a job whose producer was passed over, however long that one takes to commit") {
    TestDatabase database;
    Registry registry;
    registry.add("short", std::make_shared<LambdaHandler>(
                              [](Attempt&) -> boost::asio::awaitable<core::Outcome> { co_return core::completed(); }));
    auto settings = quick_settings(database);
    settings.poll_interval = std::chrono::hours{1};
    RunningEngine engine{settings, registry};
    const std::string claimers =
        "FROM pg_stat_activity WHERE application_name = 'oiabd claim' AND datname = current_database() AND query LIKE ";
    eventually(
        30s,
        [&] { return database.value("SELECT count(*) " + claimers + "'%How long until%' AND state = 'idle'") == "1"; },
        "the claimer sleeps");
    pqxx::connection first_connection{database.url()}, second_connection{database.url()};
    pqxx::work first{first_connection}, second{second_connection};
    for (auto* producer : {&first, &second}) {
        producer->exec("INSERT INTO jobs (kind) VALUES ('short')").no_rows();
        // Decides now who notifies, which a commit does as its last act.
        producer->exec("SET CONSTRAINTS ALL IMMEDIATE").no_rows();
    }
    first.commit();
    std::set<std::string> looks;
    eventually(
        30s,
        [&] {
            const auto began = database.value("SELECT query_start " + claimers + "'%7236003%'");
            if (!began.empty()) looks.insert(began);
            return looks.size() >= 8;
        },
        "the claimer looks again and again");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "1");
    second.commit();
    eventually(
        30s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "2"; },
        "the second job was found without a notification of its own");
    eventually(
        30s,
        [&] { return database.value("SELECT count(*) " + claimers + "'%How long until%' AND state = 'idle'") == "1"; },
        "the claimer sleeps again");
}

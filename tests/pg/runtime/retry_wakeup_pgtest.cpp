#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

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

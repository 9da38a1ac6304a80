#include "handlers/abreast.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <catch2/catch_test_macros.hpp>
#include <set>
#include <stdexcept>
#include <string>

#include "support/run_coroutine.hpp"

using oiab::handlers::Abreast;
using oiab::tests::run_coroutine;
namespace asio = boost::asio;

namespace {

/// Things that take a few turns of the executor each; some of them fail.
struct Work {
    explicit Work(std::size_t lanes) : abreast{lanes} {}

    asio::awaitable<bool> next() {
        if (begun == things) co_return false;
        const int mine = ++begun;
        most = std::max(most, ++under_way);
        for (int turn = 0; turn < mine + 3; ++turn) co_await asio::post(asio::use_awaitable);
        --under_way;
        if (failing.contains(mine)) throw std::runtime_error{"thing " + std::to_string(mine)};
        saw_failure = saw_failure || abreast.failed();
        ++done;
        co_return true;
    }
    asio::awaitable<bool> run() {
        Abreast::Next take = [this] { return next(); };
        co_await abreast.run(std::move(take));
        co_return true;
    }

    Abreast abreast;
    int things = 20;
    std::set<int> failing;
    int begun = 0;
    int done = 0;
    int under_way = 0;
    int most = 0;
    bool saw_failure = false;
};

}  // namespace

TEST_CASE("abreast: everything is done once, so many at once as there are lanes") {
    for (const int lanes : {1, 4, 8}) {
        Work work{static_cast<std::size_t>(lanes)};
        CHECK(run_coroutine(work.run()));
        CHECK(work.begun == 20);
        CHECK(work.done == 20);
        CHECK(work.most == lanes);
        CHECK_FALSE(work.abreast.failed());
    }
}

TEST_CASE("abreast: more lanes than things") {
    Work work{8};
    work.things = 3;
    CHECK(run_coroutine(work.run()));
    CHECK(work.done == 3);
}

TEST_CASE("abreast: the first failure is thrown, after what was under way has ended; nothing is begun after it") {
    Work work{4};
    work.failing = {2, 3};
    std::string failure;
    try {
        (void)run_coroutine(work.run());
    } catch (const std::runtime_error& error) {
        failure = error.what();
    }
    CHECK(failure == "thing 2");
    CHECK(work.under_way == 0);
    CHECK(work.saw_failure);
    CHECK(work.abreast.failed());
    // Things 1 to 4 began together, and 1 had ended before 2 failed.
    CHECK(work.begun == 5);
    CHECK(work.done == 3);
}

TEST_CASE("abreast: a cancellation reaches every lane") {
    asio::io_context context;
    asio::cancellation_signal cancel;
    Abreast abreast{4};
    int woken = 0;
    std::exception_ptr end;
    Abreast::Next wait = [&]() -> asio::awaitable<bool> {
        asio::steady_timer timer{context, asio::steady_timer::time_point::max()};
        try {
            co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
            ++woken;
            throw;
        }
        co_return true;
    };
    auto run = [&]() -> asio::awaitable<void> { co_await abreast.run(wait); };
    asio::co_spawn(context, run(),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error) { end = error; }));
    asio::post(context, [&] { asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); }); });
    context.run();
    CHECK(woken == 4);
    REQUIRE(end);
    try {
        std::rethrow_exception(end);
    } catch (const boost::system::system_error& error) {
        CHECK(error.code() == asio::error::operation_aborted);
    }
}

/// @file  What ends a service's sleep.

#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "runtime/wakeup.hpp"

using namespace std::chrono_literals;
using namespace oiab;

namespace {

/// Far longer than a test may take: a wait that nothing ends fails by the test runner's time limit.
core::Deadline far() { return core::Deadline::after(1h); }

}  // namespace

TEST_CASE("wakeup: a ring that comes before the wait is kept, and ends one wait") {
    runtime::Wakeup wakeup;
    wakeup.ring();
    wakeup.ring();
    wakeup.wait(far());
    const auto began = std::chrono::steady_clock::now();
    wakeup.wait(core::Deadline::after(20ms));
    CHECK(std::chrono::steady_clock::now() - began >= 20ms);
}

TEST_CASE("wakeup: a ring from another thread ends the wait, with a deadline and without") {
    runtime::Wakeup wakeup;
    for (const auto deadline : {far(), core::Deadline::never()}) {
        const std::jthread ringer{[&] { wakeup.ring(); }};
        wakeup.wait(deadline);
    }
    SUCCEED();
}

TEST_CASE("wakeup: a deadline that has passed ends the wait at once") {
    runtime::Wakeup wakeup;
    wakeup.wait(core::Deadline::after(-1h));
    SUCCEED();
}

TEST_CASE("wakeup: a readable descriptor ends the wait") {
    runtime::Wakeup wakeup;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    REQUIRE(::write(pipe[1], "x", 1) == 1);
    wakeup.wait(far(), pipe[0]);
    for (const int end : pipe) ::close(end);
}

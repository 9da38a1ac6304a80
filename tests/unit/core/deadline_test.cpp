#include "core/deadline.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using oiab::core::Deadline;
using oiab::core::SteadyTime;

TEST_CASE("deadline: what is left shrinks to zero and never below") {
    const SteadyTime start{100s};
    const auto deadline = Deadline::after(10s, start);
    CHECK(deadline.left(start) == 10s);
    CHECK(deadline.left(start + 4s) == 6s);
    CHECK(deadline.left(start + 11s) == 0ms);
    CHECK_FALSE(deadline.reached(start + 9s));
    CHECK(deadline.reached(start + 10s));
}

TEST_CASE("deadline: the earlier of two wins, and never is later than any") {
    const auto soon = Deadline::after(1s, SteadyTime{});
    CHECK(Deadline::never().or_earlier(soon).at() == soon.at());
    CHECK_FALSE(Deadline::never().reached(SteadyTime{std::chrono::hours{24 * 365 * 200}}));
}

#include "runtime/gathering.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using oiab::core::SteadyTime;
using oiab::runtime::Gathering;

TEST_CASE("gathering: with more due than there is room for, a claim waits for a part of the slots") {
    Gathering gathering{256};
    const SteadyTime now{1h};
    CHECK_FALSE(gathering.wait(1, now));  // nobody has said yet that more is due
    gathering.note(true);
    CHECK(gathering.wait(1, now) == now + Gathering::kLongest);
    CHECK(gathering.wait(7, now + 3ms) == now + Gathering::kLongest);  // more room does not make it wait longer
    CHECK_FALSE(gathering.wait(8, now + 4ms));
    CHECK(gathering.wait(1, now + 5ms) == now + 5ms + Gathering::kLongest);
}

TEST_CASE("gathering: a slot that stays alone is filled after the longest wait, and at once when nothing more is due") {
    Gathering gathering{1000};
    const SteadyTime now{1h};
    gathering.note(true);
    CHECK(gathering.wait(1, now));
    CHECK_FALSE(gathering.wait(1, now + Gathering::kLongest));
    CHECK(gathering.wait(1, now + Gathering::kLongest + 1ms));
    gathering.note(false);
    CHECK_FALSE(gathering.wait(1, now + Gathering::kLongest + 2ms));
}

TEST_CASE("gathering: a small pool never waits") {
    for (const std::size_t slots : {1U, 4U, 31U, 63U}) {
        Gathering gathering{slots};
        gathering.note(true);
        CHECK_FALSE(gathering.wait(1, SteadyTime{1h}));
    }
}

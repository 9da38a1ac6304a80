/// @file  When a claim stands back for another worker's, and for how long at most.

#include <catch2/catch_test_macros.hpp>

#include "runtime/claim_turn.hpp"

using namespace std::chrono_literals;
using oiab::core::SteadyTime;
using oiab::runtime::ClaimTurn;

namespace {

constexpr SteadyTime kStart{1h};

}  // namespace

TEST_CASE("claim turn: only large claims ask, and only while there is a backlog") {
    ClaimTurn turn;
    CHECK_FALSE(turn.asks(1'000, kStart));
    turn.note(true);
    CHECK(turn.asks(1'000, kStart));
    CHECK_FALSE(turn.asks(2, kStart));
    turn.note(false);
    CHECK_FALSE(turn.asks(1'000, kStart));
}

TEST_CASE("claim turn: pauses after refusals grow to what a claim takes, and end with a turn") {
    ClaimTurn turn;
    turn.note(true);
    CHECK(turn.wait(kStart) == std::nullopt);
    CHECK_FALSE(turn.was_refused());
    turn.refused(kStart, 0.5);
    CHECK(turn.was_refused());
    REQUIRE(turn.wait(kStart));
    const auto first = *turn.wait(kStart) - kStart;
    CHECK(first == ClaimTurn::kFirstPause);
    CHECK(turn.wait(kStart + first) == std::nullopt);
    for (int i = 0; i < 10; ++i) turn.refused(kStart, 0.5);
    CHECK(*turn.wait(kStart) - kStart == ClaimTurn::kLongestPause);
    turn.refused(kStart, 1.0);
    CHECK(*turn.wait(kStart) - kStart > ClaimTurn::kLongestPause);
    turn.note(true);
    CHECK(turn.wait(kStart) == std::nullopt);
    CHECK(turn.asks(1'000, kStart));
}

TEST_CASE(
    "claim turn: a worker that is stopped in the middle of its claim holds the others up once, not at every claim") {
    ClaimTurn turn;
    turn.note(true);
    turn.refused(kStart, 0.5);
    CHECK(turn.asks(1'000, kStart + ClaimTurn::kPatience - 1ms));
    turn.refused(kStart + ClaimTurn::kPatience - 1ms, 0.5);
    const auto later = kStart + ClaimTurn::kPatience;
    CHECK_FALSE(turn.asks(1'000, later));
    turn.note(true);
    CHECK_FALSE(turn.asks(1'000, later + 1s));
    CHECK(turn.asks(1'000, later + ClaimTurn::kImpatience));
}

TEST_CASE("claim turn: who found nobody claiming and yet no row does not ask again") {
    ClaimTurn turn;
    turn.note(true);
    turn.insist();
    CHECK_FALSE(turn.asks(1'000, kStart));
    CHECK(turn.wait(kStart) == std::nullopt);
    turn.note(true);
    CHECK(turn.asks(1'000, kStart));
}

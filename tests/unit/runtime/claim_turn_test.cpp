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
    turn.note(1'000, 1'000);
    CHECK(turn.asks(1'000, kStart));
    CHECK_FALSE(turn.asks(2, kStart));
    turn.note(2, 1'000);
    CHECK_FALSE(turn.asks(1'000, kStart));
}

TEST_CASE("claim turn: pauses after refusals grow to what a claim takes, and end with a turn") {
    ClaimTurn turn;
    turn.note(1'000, 1'000);
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
    turn.note(1'000, 1'000);
    CHECK(turn.wait(kStart) == std::nullopt);
    CHECK(turn.asks(1'000, kStart));
}

TEST_CASE("claim turn: a claim that hangs holds the others up once, not at every claim") {
    ClaimTurn turn;
    turn.note(1'000, 1'000);
    turn.refused(kStart, 0.5);
    CHECK_FALSE(turn.is_impatient(kStart + ClaimTurn::kPatience - 1ms));
    auto now = kStart + ClaimTurn::kPatience;
    REQUIRE(turn.is_impatient(now));
    turn.found_claiming("4/17", now);
    CHECK_FALSE(turn.is_impatient(now));
    CHECK(turn.asks(1'000, now));
    now += ClaimTurn::kPatience;
    REQUIRE(turn.is_impatient(now));
    turn.found_claiming("4/17", now);
    CHECK_FALSE(turn.asks(1'000, now));
    turn.note(1'000, 1'000);
    CHECK_FALSE(turn.asks(1'000, now + 1s));
    CHECK(turn.asks(1'000, now + ClaimTurn::kImpatience));
}

TEST_CASE("claim turn: others that claim one after the other are stood back for, however long it takes") {
    ClaimTurn turn;
    turn.note(1'000, 1'000);
    auto now = kStart;
    turn.refused(now, 0.5);
    for (const std::optional<std::string> claim :
         {std::optional<std::string>{"4/17"}, {"5/3"}, {"4/18"}, {}, {"4/18"}}) {
        now += ClaimTurn::kPatience;
        turn.refused(now, 0.5);
        REQUIRE(turn.is_impatient(now));
        turn.found_claiming(claim, now);
        CHECK(turn.asks(1'000, now));
    }
    // A turn of its own begins anew: the same claim may have been seen before it.
    turn.note(1'000, 1'000);
    turn.refused(now, 0.5);
    now += ClaimTurn::kPatience;
    turn.found_claiming("4/18", now);
    CHECK(turn.asks(1'000, now));
}

TEST_CASE("claim turn: who twice found nobody claiming and yet no row does not ask again") {
    ClaimTurn turn;
    turn.note(1'000, 1'000);
    turn.came_back_empty();
    CHECK(turn.asks(1'000, kStart));
    turn.refused(kStart, 0.5);
    turn.came_back_empty();
    CHECK(turn.asks(1'000, kStart));
    turn.came_back_empty();
    CHECK_FALSE(turn.asks(1'000, kStart));
    turn.note(1'000, 1'000);
    CHECK(turn.asks(1'000, kStart));
}

TEST_CASE("claim turn: who got many rows, though fewer than wanted, asks again") {
    ClaimTurn turn;
    turn.note(ClaimTurn::kLarge, 1'000);
    CHECK(turn.asks(1'000, kStart));
    turn.note(ClaimTurn::kLarge - 1, 1'000);
    CHECK_FALSE(turn.asks(1'000, kStart));
}

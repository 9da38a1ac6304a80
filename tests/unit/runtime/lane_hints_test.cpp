#include "runtime/lane_hints.hpp"

#include <catch2/catch_test_macros.hpp>

using oiab::runtime::LaneHints;
using Lanes = std::vector<std::string>;

TEST_CASE("lane hints: each lane is taken once, in the order in which they were named") {
    LaneHints hints;
    for (const auto* lane : {"c", "a", "c", "b", "a"}) hints.add(lane);
    CHECK(hints.take(2) == Lanes{"c", "a"});
    CHECK_FALSE(hints.empty());
    hints.add("a");  // has changed again since
    CHECK(hints.take(5) == Lanes{"b", "a"});
    CHECK(hints.empty());
    CHECK(hints.take(5).empty());
}

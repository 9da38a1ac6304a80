/// @file  What one number tells of how far claims have come.

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "queue/frontier.hpp"

using namespace std::chrono_literals;
using namespace oiab;
using queue::Frontier;

namespace {

constexpr core::WallTime kSomeTime{1'790'000'000'000'007us};

}  // namespace

TEST_CASE("frontier: one number tells kind, priority, run_at and the length of a look") {
    for (const int priority : {-8, -1, 0, 7}) {
        const Frontier frontier{Frontier::kind_hash("agent-turn"), priority, kSomeTime, 300ms};
        REQUIRE(frontier.packed());
        CHECK(*frontier.packed() > 0);
        const auto read = Frontier::unpacked(*frontier.packed());
        REQUIRE(read);
        CHECK(read->kind == frontier.kind);
        CHECK(read->priority == priority);
        CHECK(read->run_at <= kSomeTime);
        CHECK(kSomeTime - read->run_at < 32us);
        CHECK(read->look == 256ms);
    }
}

TEST_CASE("frontier: a look that does not walk far is none, and a very long one is as long as can be told") {
    const auto look = [](std::chrono::milliseconds took) {
        return Frontier::unpacked(*Frontier{1, 0, kSomeTime, took}.packed())->look;
    };
    CHECK(look(0ms) == 0ms);
    CHECK(look(1ms) == 1ms);
    CHECK(look(24h) == 16'384ms);
}

TEST_CASE("frontier: what one number cannot tell is not told") {
    CHECK_FALSE(Frontier{1, 8, kSomeTime, 0ms}.packed());
    CHECK_FALSE(Frontier{1, -9, kSomeTime, 0ms}.packed());
    CHECK_FALSE(Frontier{1, 0, core::WallTime{-1s}, 0ms}.packed());
    CHECK_FALSE(Frontier{1, 0, core::WallTime::min(), 0ms}.packed());
    CHECK_FALSE(Frontier{1, 0, core::WallTime::max(), 0ms}.packed());
    CHECK_FALSE(Frontier::unpacked(0));
    CHECK_FALSE(Frontier::unpacked(-5));
}

TEST_CASE("frontier: kinds are told apart, nearly always") {
    std::set<int> seen;
    for (int i = 0; i < 200; ++i) seen.insert(Frontier::kind_hash("kind-" + std::to_string(i)));
    CHECK(seen.size() > 90);
}

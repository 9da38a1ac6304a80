/// @file  How a key's limit of calls at once finds what its provider allows.

#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <vector>

#include "clients/concurrency_limit.hpp"
#include "manual_clock.hpp"

using namespace oiab;
using namespace oiab::clients;
using namespace std::chrono_literals;

namespace {

class HalfRandom final : public core::Random {
public:
    double uniform() override { return 0.5; }
};

/// A provider that allows so many calls at once, asked by as many callers as the limit lets.
struct World {
    explicit World(LimitSettings settings) : limit{settings} {}

    std::size_t start_all(std::size_t wanted = 10'000) {
        while (running.size() < wanted && limit.may_start(clock.now())) running.push_back(limit.started(clock.now()));
        return running.size();
    }
    /// Many wait, and so many are answered, the oldest first; what is beyond the provider's measure is refused at once.
    /// @returns the refusals
    int serve(std::size_t allowed, int answers, std::optional<std::chrono::milliseconds> retry_after = {}) {
        int refusals = 0;
        while (answers > 0) {
            start_all();
            if (running.empty()) clock.advance(1min);
            if (running.size() > allowed) {
                limit.refused(running.back(), clock.now(), retry_after, random);
                running.pop_back();
                ++refusals;
            } else if (!running.empty()) {
                limit.succeeded(running.front());
                running.pop_front();
                --answers;
            }
        }
        return refusals;
    }
    void refuse_one(std::optional<std::chrono::milliseconds> retry_after = {}) {
        limit.refused(running.back(), clock.now(), retry_after, random);
        running.pop_back();
    }

    tests::ManualClock clock;
    HalfRandom random;
    ConcurrencyLimit limit;
    std::deque<ConcurrencyLimit::Epoch> running;
};

}  // namespace

TEST_CASE("limit: a wide key opens by doubling while calls wait and none is refused") {
    World world{{.initial = 4, .most = 40, .ramp = 100ms}};
    CHECK(world.start_all() == 4);
    world.limit.tick(world.clock.now());
    CHECK(world.start_all() == 4);
    for (const std::size_t width : {8U, 16U, 32U, 40U, 40U}) {
        CHECK(world.limit.wake_at(world.clock.now()).has_value() == (world.running.size() < 40));
        world.clock.advance(100ms);
        world.limit.tick(world.clock.now());
        CHECK(world.start_all() == width);
    }
}

TEST_CASE("limit: a key that is idle does not climb") {
    World world{{.initial = 4, .most = 40, .ramp = 100ms}};
    world.clock.advance(1h);
    world.limit.tick(world.clock.now());
    CHECK(world.limit.limit() == 4);
    CHECK(world.start_all() == 4);
    world.limit.tick(world.clock.now());
    CHECK(world.limit.limit() == 4);
}

TEST_CASE("limit: a burst of refusals halves once, later ones of the same burst change nothing") {
    World world{{.initial = 16}};
    world.start_all();
    for (int i = 0; i < 12; ++i) {
        world.limit.refused(world.running.back(), world.clock.now(), {}, world.random);
        world.running.pop_back();
        CHECK(world.limit.limit() == 8);
    }
    CHECK_FALSE(world.limit.wake_at(world.clock.now()));
    CHECK(world.start_all() == 8);
}

TEST_CASE("limit: a round of successes adds one, and only where the limit was reached") {
    World world{{.initial = 8, .patience = 1}};
    world.start_all();
    world.refuse_one();
    CHECK(world.limit.limit() == 4);
    while (!world.running.empty()) {
        world.limit.succeeded(world.running.front());
        world.running.pop_front();
    }
    CHECK(world.serve(100, 5) == 0);
    CHECK(world.limit.limit() == 5);
    while (!world.running.empty()) {
        world.limit.ended();
        world.running.pop_front();
    }
    for (int i = 0; i < 100; ++i) {
        world.start_all(1);
        world.limit.succeeded(world.running.front());
        world.running.pop_front();
    }
    CHECK(world.limit.limit() == 5);
}

TEST_CASE("limit: successes of calls from before a decrease do not undo it") {
    World world{{.initial = 8}};
    world.start_all();
    world.refuse_one();
    while (!world.running.empty()) {
        world.limit.succeeded(world.running.front());
        world.running.pop_front();
    }
    CHECK(world.limit.limit() == 4);
}

TEST_CASE("limit: it stays near what is allowed, and seldom tries what was refused") {
    for (const std::size_t allowed : {1U, 3U, 10U, 60U}) {
        World world{{.initial = 32}};
        world.serve(allowed, 1000);
        const int refusals = world.serve(allowed, 4000);
        INFO("allowed " << allowed << ", refusals " << refusals);
        CHECK(refusals <= 4000 / (8 * static_cast<int>(allowed)) + 1);
        CHECK(world.limit.limit() * 3 >= allowed);
    }
}

TEST_CASE("limit: it grows with a provider that allows more than it did") {
    World world{{.initial = 32}};
    world.serve(4, 1000);
    CHECK(world.limit.limit() <= 5);
    world.serve(100, 10'000);
    CHECK(world.limit.limit() >= 50);
}

TEST_CASE("limit: Retry-After holds the whole key, also for a burst's later refusals") {
    World world{{.initial = 4}};
    world.start_all();
    world.refuse_one(5s);
    world.refuse_one(7s);
    CHECK_FALSE(world.limit.may_start(world.clock.now()));
    CHECK(world.limit.wake_at(world.clock.now()) == world.clock.now() + 7s);
    world.limit.succeeded(world.running.front());
    world.limit.succeeded(world.running.back());
    world.clock.advance(6999ms);
    CHECK_FALSE(world.limit.may_start(world.clock.now()));
    world.clock.advance(1ms);
    CHECK(world.limit.may_start(world.clock.now()));
}

TEST_CASE("limit: a lone call that is refused pauses longer each time, and never falls below one") {
    World world{{.initial = 1, .first_pause = 1s, .longest_pause = 5s}};
    for (const auto pause : {750ms, 1500ms, 3000ms, 3750ms, 3750ms}) {
        CHECK(world.start_all() == 1);
        world.refuse_one();
        CHECK(world.limit.limit() == 1);
        CHECK(world.limit.wake_at(world.clock.now()) == world.clock.now() + pause);
        world.clock.advance(pause);
    }
    CHECK(world.serve(1, 1) == 0);
    CHECK(world.start_all() == 1);
    world.refuse_one();
    CHECK(world.limit.wake_at(world.clock.now()) == world.clock.now() + 750ms);
}

TEST_CASE("limit: nobody's Retry-After silences a key for longer than an hour") {
    World world{{.initial = 1}};
    world.limit.pause(world.clock.now(), 24h * 7);
    CHECK(world.limit.wake_at(world.clock.now()) == world.clock.now() + 1h);
}

/// @file  When a failing provider is left alone, for how long, and how it comes back.

#include <catch2/catch_test_macros.hpp>

#include "clients/circuit.hpp"
#include "manual_clock.hpp"

using namespace oiab;
using namespace oiab::clients;
using namespace std::chrono_literals;
using Ticket = Circuit::Ticket;
using State = Circuit::State;

namespace {

/// Fixed jitter: pauses are three quarters of their full length.
class HalfRandom final : public core::Random {
public:
    double uniform() override { return 0.5; }
};

struct World {
    tests::ManualClock clock;
    HalfRandom random;
    Circuit circuit{CircuitSettings{.failures = 3, .first_pause = 4s, .longest_pause = 20s}};

    void fail(int times, std::optional<std::chrono::milliseconds> retry_after = {}) {
        for (int i = 0; i < times; ++i) {
            const auto ticket = circuit.admit(clock.now());
            REQUIRE(ticket);
            circuit.failed(*ticket, clock.now(), retry_after, random);
        }
    }
    std::chrono::milliseconds refused_for() {
        const auto ticket = circuit.admit(clock.now());
        REQUIRE_FALSE(ticket);
        return ticket.error();
    }
};

}  // namespace

TEST_CASE("circuit: it opens after so many failures in a row, not before") {
    World world;
    world.fail(2);
    CHECK(world.circuit.state() == State::kClosed);
    world.circuit.succeeded(world.circuit.admit(world.clock.now()).value());
    world.fail(2);
    CHECK(world.circuit.state() == State::kClosed);
    world.fail(1);
    CHECK(world.circuit.state() == State::kOpen);
    CHECK(world.refused_for() == 3s);
    world.clock.advance(1s);
    CHECK(world.refused_for() == 2s);
}

TEST_CASE("circuit: one probe after the pause, and its success closes") {
    World world;
    world.fail(3);
    world.clock.advance(3s);
    const auto probe = world.circuit.admit(world.clock.now());
    REQUIRE(probe);
    CHECK(*probe == Ticket::kProbe);
    CHECK(world.circuit.state() == State::kHalfOpen);
    CHECK(world.refused_for() == 4s);
    world.circuit.succeeded(*probe);
    CHECK(world.circuit.is_forgettable(world.clock.now()));
    CHECK(world.circuit.admit(world.clock.now()).value() == Ticket::kUsual);
}

TEST_CASE("circuit: pauses grow with each failed probe up to the longest, and begin anew after a success") {
    World world;
    world.fail(3);
    for (const auto pause : {3s, 6s, 12s, 15s, 15s}) {
        CHECK(world.refused_for() == pause);
        world.clock.advance(pause);
        world.fail(1);
    }
    world.clock.advance(15s);
    world.circuit.succeeded(world.circuit.admit(world.clock.now()).value());
    world.fail(3);
    CHECK(world.refused_for() == 3s);
}

TEST_CASE("circuit: a pause is not shorter than what the provider asks for, and an hour at most") {
    World world;
    world.fail(3, 10s);
    CHECK(world.refused_for() == 10s);
    World patient;
    patient.fail(3, 24h);
    CHECK(patient.refused_for() == 1h);
}

TEST_CASE("circuit: calls from before the opening do not lengthen it, but their success closes it") {
    World world;
    const auto early = world.circuit.admit(world.clock.now()).value();
    const auto slow = world.circuit.admit(world.clock.now()).value();
    world.fail(3);
    world.clock.advance(2s);
    world.circuit.failed(early, world.clock.now(), {}, world.random);
    CHECK(world.refused_for() == 1s);
    world.circuit.succeeded(slow);
    CHECK(world.circuit.state() == State::kClosed);
}

TEST_CASE("circuit: a probe that is cancelled lets the next one through at once") {
    World world;
    world.fail(3);
    world.clock.advance(3s);
    world.circuit.abandoned(world.circuit.admit(world.clock.now()).value());
    CHECK(world.circuit.admit(world.clock.now()).value() == Ticket::kProbe);
}

TEST_CASE("circuit: a probe that begins to answer lets others through, and one more failure opens again") {
    World world;
    world.fail(3);
    world.clock.advance(3s);
    const auto probe = world.circuit.admit(world.clock.now()).value();
    world.circuit.answering(probe);
    CHECK(world.circuit.admit(world.clock.now()).value() == Ticket::kUsual);
    world.circuit.failed(probe, world.clock.now(), {}, world.random);
    CHECK(world.circuit.state() == State::kOpen);
    CHECK(world.refused_for() == 6s);
}

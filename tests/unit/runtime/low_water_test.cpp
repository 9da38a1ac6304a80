/// @file  When a claim may leave out what lies below the marks, and when it must look at everything.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "runtime/low_water.hpp"

using namespace std::chrono_literals;
using namespace oiab;

namespace {

core::Job job(std::string kind, int priority, std::chrono::microseconds run_at) {
    core::Job job;
    job.kind = std::move(kind);
    job.priority = priority;
    job.run_at = core::WallTime{run_at};
    return job;
}

struct Marks {
    runtime::LowWaterMarks marks;
    core::SteadyTime now{1h};
    core::SteadyTime looked_at{};

    /// A claim that takes `took`. @returns how many marks it used.
    std::size_t claim(const std::vector<core::Job>& jobs, bool got_all, std::chrono::milliseconds took = 1ms) {
        const auto began = now;
        const auto used = marks.at(now).size();
        now += took;
        marks.note(jobs, got_all, used == 0, began, now);
        if (used == 0) looked_at = began;
        return used;
    }

    void claim_with_long_looks() {
        claim({job("a", 0, 1us)}, true, 100ms);
        now += 3s;
        claim({job("a", 0, 1us)}, true, 100ms);
    }
};

}  // namespace

TEST_CASE("low water: a claim that got all it wanted leaves a mark at the last row of each kind and priority") {
    Marks at;
    const std::vector jobs{job("a", 1, 5us), job("b", 1, 6us), job("a", 1, 7us), job("a", 2, 3us)};
    CHECK(at.claim(jobs, true) == 0);
    const auto expect = [&](std::string_view kind, int priority, std::chrono::microseconds run_at) {
        const auto marks = at.marks.at(at.now);
        const auto mark = std::ranges::find_if(
            marks, [&](const queue::LowWater& one) { return one.kind == kind && one.priority == priority; });
        REQUIRE(mark != marks.end());
        CHECK(mark->run_at == core::WallTime{run_at});
    };
    CHECK(at.marks.at(at.now).size() == 3);
    expect("a", 1, 7us);
    expect("a", 2, 3us);
    expect("b", 1, 6us);
    at.claim({job("b", 1, 9us)}, true);
    CHECK(at.marks.at(at.now).size() == 3);
    expect("a", 1, 7us);
    expect("b", 1, 9us);
}

TEST_CASE("low water: a mark names the row, because many may have one run_at") {
    Marks at;
    auto last = job("a", 0, 5us);
    last.id = *core::JobId::parse("01900000-0000-7000-8000-00000000000a");
    at.claim({job("a", 0, 5us), last}, true);
    REQUIRE(at.marks.at(at.now).size() == 1);
    CHECK(at.marks.at(at.now)[0].id == last.id);
}

TEST_CASE("low water: after a claim that came back short the next one looks at everything") {
    Marks at;
    at.claim({job("a", 0, 1us)}, true);
    CHECK(at.claim({job("a", 0, 2us)}, false) == 1);
    CHECK(at.claim({}, false) == 0);
    CHECK(at.claim({job("a", 0, 2us)}, true) == 0);
}

TEST_CASE("low water: marks hold for a second, and less where something hints at a row below") {
    Marks at;
    at.claim({job("a", 0, 1us)}, true);
    at.now += 900ms;
    CHECK(at.claim({job("a", 0, 2us)}, true) == 1);
    at.now += 200ms;
    CHECK(at.claim({job("a", 0, 3us)}, true) == 0);
    at.now += 30ms;
    at.marks.hint();
    CHECK(at.claim({job("a", 0, 4us)}, true) == 0);
}

TEST_CASE("low water: claims of everything that take long are made so much more rarely") {
    Marks at;
    at.claim_with_long_looks();
    at.marks.hint();
    at.now += 1800ms;
    CHECK(at.claim({job("a", 0, 2us)}, true) == 1);
    at.now += 100ms;
    CHECK(at.claim({job("a", 0, 3us)}, true) == 0);
}

TEST_CASE("low water: however long a look takes, what is below the marks waits for a minute at most") {
    Marks at;
    at.claim({job("a", 0, 1us)}, true, 10s);
    at.now += 3s;
    at.claim({job("a", 0, 1us)}, true, 10s);
    at.now = at.looked_at + 59s;
    CHECK(at.claim({job("a", 0, 2us)}, true) == 1);
    at.now = at.looked_at + 60s;
    CHECK(at.claim({job("a", 0, 3us)}, true) == 0);
}

TEST_CASE("low water: rows at minus infinity leave no mark") {
    Marks at;
    auto first = job("a", 0, 0us);
    first.run_at = core::WallTime::min();
    at.claim({first}, true);
    CHECK(at.marks.at(at.now).empty());
    at.claim({first, job("a", 0, 2us)}, true);
    REQUIRE(at.marks.at(at.now).size() == 1);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{2us});
}

TEST_CASE("low water: where a look walks far the marks hold for claims that come back short, too") {
    Marks at;
    at.claim_with_long_looks();
    CHECK(at.marks.look_at() == std::nullopt);
    CHECK(at.claim({job("a", 0, 2us)}, false) == 1);
    CHECK(at.claim({}, false) == 1);
    CHECK(at.marks.known().size() == 1);
    // What may be below is looked for when a twentieth of the time allows for it, and whoever waits is told when.
    REQUIRE(at.marks.look_at());
    CHECK(*at.marks.look_at() == at.looked_at + 2s);
    at.now = *at.marks.look_at();
    CHECK(at.claim({}, false, 100ms) == 0);
    CHECK(at.marks.look_at() == std::nullopt);
    CHECK(at.claim({}, false) == 1);
}

TEST_CASE("low water: one look that takes long may be a stall of the machine, and hides nothing") {
    Marks at;
    at.claim({job("a", 0, 1us)}, true, 100ms);
    at.claim({job("a", 0, 2us)}, false);
    CHECK(at.marks.known().empty());
    CHECK(at.claim({}, false) == 0);
}

TEST_CASE("low water: a stall of the machine does not put off the next look") {
    Marks at;
    at.claim({job("a", 0, 1us)}, true);
    at.now += 2s;
    CHECK(at.claim({job("a", 0, 2us)}, true, 10s) == 0);
    at.now += 1s;
    CHECK(at.claim({job("a", 0, 3us)}, true) == 0);
}

TEST_CASE("low water: where claims have caught up the marks leave room for rows that are committed late") {
    Marks at;
    at.claim_with_long_looks();
    at.claim({job("a", 0, 10s)}, true);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{10s});
    at.claim({}, false);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{8s});
    at.claim({}, false);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{8s});
    at.claim({job("a", 0, 12s)}, false);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{10s});
    at.claim({job("a", 0, 13s)}, true);
    CHECK(at.marks.at(at.now)[0].run_at == core::WallTime{13s});
}

TEST_CASE("low water: the time that a claim's rows take is no walk") {
    Marks at;
    at.claim(std::vector<core::Job>(1'000, job("a", 0, 1us)), true, 20ms);
    CHECK(at.claim({}, false) == 1);
    CHECK(at.marks.known().empty());
    CHECK(at.claim({}, false) == 0);
}

TEST_CASE("low water: once looks are cheap again marks no longer outlast a claim that came back short") {
    Marks at;
    at.claim_with_long_looks();
    at.now += 3s;
    CHECK(at.claim({}, false) == 0);
    CHECK(at.marks.at(at.now).empty());
}

TEST_CASE("low water: the marks that are carried do not grow without bound") {
    Marks at;
    for (int kind = 0; kind < 1'000; ++kind) at.claim({job("kind-" + std::to_string(kind), 0, 1us)}, true);
    CHECK(at.marks.at(at.now).size() < 100);
}

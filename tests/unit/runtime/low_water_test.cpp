/// @file  When a claim may leave out what lies below the marks, and when it must look at everything.

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

    /// A claim that takes `took`. @returns how many marks it used.
    std::size_t claim(const std::vector<core::Job>& jobs, bool got_all, std::chrono::milliseconds took = 1ms) {
        const auto began = now;
        const auto used = marks.at(now).size();
        now += took;
        marks.note(jobs, got_all, began, now);
        return used;
    }
};

}  // namespace

TEST_CASE("low water: a claim that got all it wanted leaves a mark at the first row of each kind") {
    Marks at;
    CHECK(at.claim({job("a", 1, 5us), job("a", 1, 7us), job("b", 2, 3us)}, true) == 0);
    const auto marks = at.marks.at(at.now);
    REQUIRE(marks.size() == 2);
    for (const auto& mark : marks) {
        CHECK(mark.priority == (mark.kind == "a" ? 1 : 2));
        CHECK(mark.run_at == core::WallTime{mark.kind == "a" ? 5us : 3us});
    }
    at.claim({job("b", 2, 9us)}, true);
    CHECK(at.marks.at(at.now).size() == 2);
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
    at.claim({job("a", 0, 1us)}, true, 200ms);
    at.now += 2s;
    at.marks.hint();
    CHECK(at.claim({job("a", 0, 2us)}, true) == 1);
    at.now += 2s;
    CHECK(at.claim({job("a", 0, 3us)}, true) == 0);
}

TEST_CASE("low water: a row at minus infinity leaves no mark") {
    Marks at;
    auto first = job("a", 0, 0us);
    first.run_at = core::WallTime::min();
    at.claim({first, job("a", 0, 2us)}, true);
    CHECK(at.marks.at(at.now).empty());
}

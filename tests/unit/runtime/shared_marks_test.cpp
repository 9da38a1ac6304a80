/// @file  What workers tell each other of their low-water marks, and what they make of it.

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "runtime/low_water.hpp"

using namespace std::chrono_literals;
using namespace oiab;

namespace {

core::Job job(std::string kind, std::chrono::microseconds run_at) {
    core::Job job;
    job.kind = std::move(kind);
    job.run_at = core::WallTime{run_at};
    return job;
}

const std::vector<std::string> kKinds{"a", "b"};
constexpr core::SteadyTime kStart{1h};

/// After two looks at everything that took so long and brought one row of the kind "a".
runtime::LowWaterMarks after_a_look(std::chrono::milliseconds took) {
    runtime::LowWaterMarks marks;
    const std::vector jobs{job("a", 320us)};
    marks.note(jobs, true, true, kStart - 1min, kStart - 1min + took);
    marks.note(jobs, true, true, kStart, kStart + took);
    return marks;
}

queue::Frontier at(std::string_view kind, std::chrono::microseconds run_at, std::chrono::milliseconds look = 0ms) {
    return {queue::Frontier::kind_hash(kind), 0, core::WallTime{run_at}, look};
}

}  // namespace

TEST_CASE("shared marks: a worker that is alone and looks without trouble tells nothing and follows nobody") {
    auto marks = after_a_look(1ms);
    CHECK_FALSE(marks.to_tell(kStart + 1s));
    CHECK_FALSE(marks.follows(kStart + 1s));
}

TEST_CASE("shared marks: among others each claim is told once, and the next begins where theirs have come") {
    auto marks = after_a_look(1ms);
    const auto now = kStart + 10ms;
    marks.among_others(now);
    const auto told = marks.to_tell(now);
    REQUIRE(told);
    CHECK(told->kind == queue::Frontier::kind_hash("a"));
    CHECK(told->run_at == core::WallTime{320us});
    CHECK(told->look == 0ms);
    CHECK_FALSE(marks.to_tell(now));
    REQUIRE(marks.follows(now));
    marks.follow(at("a", 6'400us), kKinds);
    REQUIRE(marks.at(now).size() == 1);
    CHECK(marks.at(now)[0].run_at == core::WallTime{6'400us});
    // Somebody has looked at everything and found older rows: all go back to them.
    marks.follow(at("a", 64us), kKinds);
    CHECK(marks.at(now)[0].run_at == core::WallTime{64us});
    marks.follow(at("unknown", 6'400us), kKinds);
    CHECK(marks.at(now).size() == 1);
    CHECK_FALSE(marks.follows(now + 1min));
}

TEST_CASE("shared marks: among others not everybody looks at everything every second") {
    auto marks = after_a_look(1ms);
    marks.among_others(kStart + 10ms);
    CHECK_FALSE(marks.at(kStart + 5s).empty());
    CHECK(marks.at(kStart + 11s).empty());
    marks.hint();
    CHECK(marks.at(kStart + 30ms).empty());
}

TEST_CASE("shared marks: a worker that starts while looks are long goes on from where claims had come") {
    auto before = after_a_look(300ms);
    const auto told = before.to_tell(kStart + 1s);
    REQUIRE(told);
    CHECK(told->look == 300ms);

    runtime::LowWaterMarks marks;
    marks.resume(*told, kKinds, kStart);
    marks.hint();
    REQUIRE(marks.at(kStart).size() == 1);
    CHECK(marks.at(kStart)[0].kind == "a");
    // What came back short does not end them, and everything is looked at when the time has come.
    marks.note({}, false, false, kStart, kStart + 1ms);
    REQUIRE(marks.look_at());
    CHECK(*marks.look_at() == kStart + 5s);
    CHECK(marks.at(kStart + 5s).empty());
}

TEST_CASE("shared marks: what was told of looks long ago puts the first one off by seconds, not for minutes") {
    runtime::LowWaterMarks marks;
    marks.resume(at("a", 320us, 8'192ms), kKinds, kStart);
    marks.hint();
    CHECK(marks.at(kStart + 4999ms).size() == 1);
    CHECK(marks.at(kStart + 5s).empty());
    // It is short by now, and nothing is put off any more.
    marks.note({}, false, true, kStart + 5s, kStart + 5s + 1ms);
    CHECK(marks.at(kStart + 5s + 1ms).empty());
}

TEST_CASE("shared marks: a worker that starts while looks are short looks at everything") {
    runtime::LowWaterMarks marks;
    marks.resume(at("a", 320us), kKinds, kStart);
    CHECK(marks.at(kStart).empty());
}

TEST_CASE("shared marks: long looks are told once a second at most, and that they have ceased to be, too") {
    auto marks = after_a_look(300ms);
    const std::vector jobs{job("a", 640us)};
    REQUIRE(marks.to_tell(kStart + 1s));
    marks.note(jobs, true, false, kStart + 1s, kStart + 1s);
    CHECK_FALSE(marks.to_tell(kStart + 1500ms));
    CHECK(marks.to_tell(kStart + 2s));
    marks.note(jobs, true, true, kStart + 10s, kStart + 10s + 1ms);
    const auto told = marks.to_tell(kStart + 10s + 1ms);
    REQUIRE(told);
    CHECK(told->look == 0ms);
    marks.note(jobs, true, true, kStart + 20s, kStart + 20s + 1ms);
    CHECK_FALSE(marks.to_tell(kStart + 21s));
}

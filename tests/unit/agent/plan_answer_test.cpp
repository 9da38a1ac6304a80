#include "agent/plan_answer.hpp"

#include <catch2/catch_test_macros.hpp>

using oiab::agent::parse_plan_answer;

namespace {

std::vector<std::string> faults_of(std::string_view answer) {
    const auto plan = parse_plan_answer(answer, 5);
    REQUIRE_FALSE(plan.has_value());
    return plan.error();
}

}  // namespace

TEST_CASE("plan answer: a bare array is read") {
    const auto plan = parse_plan_answer(
        R"([{"description":"a","agent":"build","dependencies":[]},{"description":"b","dependencies":[0]}])", 5);
    REQUIRE(plan.has_value());
    REQUIRE(plan->size() == 2);
    CHECK((*plan)[0].description == "a");
    CHECK((*plan)[1].agent == "build");
    CHECK((*plan)[1].dependencies == std::vector{0});
}

TEST_CASE("plan answer: fenced code with prose and other brackets around it is read") {
    const auto plan = parse_plan_answer(
        "Here [as asked, see 1] is the plan [1]:\n```json\n[{\"description\": \"read [x] and \\\"y]\\\"\"}]\n```\nDone "
        "[ok].",
        5);
    REQUIRE(plan.has_value());
    CHECK(plan->front().description == "read [x] and \"y]\"");
}

TEST_CASE("plan answer: an array inside of an object is read") {
    const auto plan = parse_plan_answer(R"({"subtasks": [{"description": "a", "dependencies": null}]})", 5);
    REQUIRE(plan.has_value());
    CHECK(plan->size() == 1);
}

TEST_CASE("plan answer: repeated dependencies count once") {
    const auto plan = parse_plan_answer(R"([{"description":"a"},{"description":"b","dependencies":[0,0]}])", 5);
    REQUIRE(plan.has_value());
    CHECK((*plan)[1].dependencies == std::vector{0});
}

TEST_CASE("plan answer: prose without a plan is refused with a reason") {
    CHECK(faults_of("I cannot do that.") ==
          std::vector<std::string>{"the answer holds no JSON array of subtask objects"});
    CHECK(faults_of("[1, 2") == std::vector<std::string>{"the answer holds no JSON array of subtask objects"});
    CHECK(faults_of("[]") == std::vector<std::string>{"the plan has no subtasks"});
}

TEST_CASE("plan answer: every fault is told") {
    const auto faults = faults_of(
        R"([{"agent": 7, "dependencies": [0]}, {"description": "b", "dependencies": ["0"]}, {"description": "c", "dependencies": [9]}])");
    CHECK(faults == std::vector<std::string>{
                        "subtask 0 needs \"description\", a string", "\"agent\" of subtask 0 must be a string",
                        "\"dependencies\" of subtask 1 must be an array of zero-based indexes",
                        "subtask 0 depends on itself", "subtask 2 depends on 9, which is not the index of a subtask"});
}

TEST_CASE("plan answer: too many subtasks are refused before they are read, and of many faults the first are told") {
    std::string array = "[{}";
    for (int i = 1; i < 80'000; ++i) array += ",{}";
    CHECK(faults_of(array + "]") == std::vector<std::string>{"the plan has 80000 subtasks; at most 5 are allowed"});

    std::string dependencies = "1";
    for (int i = 2; i < 30'000; ++i) dependencies += "," + std::to_string(i);
    const auto faults = faults_of(R"([{"description": "a", "dependencies": [)" + dependencies + "]}]");
    REQUIRE(faults.size() == 21);
    CHECK(faults.back() == "and 29979 faults more");
}

TEST_CASE("plan answer: a number too large for an index is refused, not wrapped around") {
    CHECK(faults_of(R"([{"description": "a", "dependencies": [4294967296]}])") ==
          std::vector<std::string>{"\"dependencies\" of subtask 0 must be an array of zero-based indexes"});
}

TEST_CASE("plan answer: a cycle is refused") {
    const auto faults = faults_of(R"([{"description":"a","dependencies":[1]},{"description":"b","dependencies":[0]}])");
    CHECK(faults == std::vector<std::string>{"subtasks wait for each other in a circle: 0 -> 1 -> 0"});
}

TEST_CASE("plan answer: ten thousand brackets are given up on in time") {
    CHECK(faults_of(std::string(10'000, '[')).size() == 1);
    CHECK(faults_of(std::string(300'000, 'x')) == std::vector<std::string>{"the answer is too long for a plan"});
}

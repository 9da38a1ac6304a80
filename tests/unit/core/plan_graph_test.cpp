#include "core/plan_graph.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace oiab::core;

namespace {

PlannedSubtask task(std::vector<int> dependencies) { return {"do it", "build", std::move(dependencies)}; }

std::string only_fault(const std::vector<PlannedSubtask>& plan, std::size_t max_subtasks = 5) {
    const auto faults = find_plan_faults(plan, max_subtasks);
    REQUIRE(faults.size() == 1);
    return faults.front();
}

}  // namespace

TEST_CASE("plan graph: a diamond is sound and starts at its tip") {
    const std::vector plan{task({}), task({0}), task({0}), task({1, 2})};
    CHECK(find_plan_faults(plan, 4).empty());
    CHECK(entry_subtasks(plan) == std::vector{0});
}

TEST_CASE("plan graph: independent subtasks all start at once") {
    CHECK(entry_subtasks(std::vector{task({}), task({}), task({0})}) == std::vector{0, 1});
}

TEST_CASE("plan graph: an empty plan and one beyond the bound are refused") {
    CHECK(only_fault({}) == "the plan has no subtasks");
    CHECK(only_fault({task({}), task({}), task({})}, 2) == "the plan has 3 subtasks; at most 2 are allowed");
}

TEST_CASE("plan graph: an index out of range is named") {
    CHECK(only_fault({task({}), task({2})}) == "subtask 1 depends on 2, which is not the index of a subtask");
    CHECK(only_fault({task({-1})}) == "subtask 0 depends on -1, which is not the index of a subtask");
}

TEST_CASE("plan graph: a subtask that waits for itself is named once") {
    CHECK(only_fault({task({}), task({1})}) == "subtask 1 depends on itself");
}

TEST_CASE("plan graph: a circle is named link by link, without what merely hangs on it") {
    CHECK(only_fault({task({3}), task({}), task({0}), task({2, 1})}) ==
          "subtasks wait for each other in a circle: 0 -> 3 -> 2 -> 0");
    CHECK(only_fault({task({1}), task({2}), task({1})}) == "subtasks wait for each other in a circle: 1 -> 2 -> 1");
}

TEST_CASE("plan graph: a blank description is refused") {
    CHECK(only_fault({PlannedSubtask{" \n", "build", {}}}) == "subtask 0 has an empty description");
}

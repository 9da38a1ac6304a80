/// @file  Plans and subtasks as the store keeps them; how they move on is tested with the orchestrator's handlers.

#include <catch2/catch_test_macros.hpp>

#include "store/plans.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;

TEST_CASE_METHOD(World, "plans: text with a NUL in it is kept whole, from the plan to the answer") {
    const auto plan = id<core::PlanId>("e1");
    const std::string said{"be\0fore", 7};
    const std::string kept =
        "be\xEF\xBF\xBD"
        "fore";
    store::NewPlan begun;
    begun.id = plan;
    begun.user_id = alice;
    begun.job_id = job;
    const std::vector<core::PlannedSubtask> subtasks{{.description = said, .agent = "coder", .dependencies = {}}};
    in([&](pg::Transaction& tx) {
        REQUIRE(store::begin_plan(tx, begun).has_value());
        REQUIRE(store::accept_plan(tx, plan, subtasks, "planner"));
        REQUIRE(store::begin_subtask(tx, plan, 0, "session"));
        REQUIRE(store::complete_subtask(tx, plan, 0, said));
        REQUIRE(store::complete_plan(tx, plan, said));
        const auto subtask = store::load_subtasks(tx, plan).at(0);
        CHECK(subtask.description == kept);
        CHECK(subtask.agent == "coder");
        CHECK(subtask.result == kept);
        CHECK(store::find_plan(tx, plan)->result == kept);
    });
}

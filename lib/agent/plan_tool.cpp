#include "agent/plan_tool.hpp"

#include <nlohmann/json.hpp>

#include "agent/tool_arguments.hpp"
#include "agent/trajectory.hpp"
#include "store/plans.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr int kDefaultSubtasks = 5;
constexpr int kMaxSubtasks = 50;

core::NewJob make_job(const store::NewPlan& plan) {
    core::NewJob job;
    job.kind = "orchestrator-plan";
    job.payload = json{{"planId", plan.id.to_string()},
                       {"userId", plan.user_id.to_string()},
                       {"parentSessionId", plan.parent_session_id},
                       {"taskDescription", plan.task_description},
                       {"maxSubtasks", plan.max_subtasks}}
                      .dump();
    job.tenant_id = plan.tenant_id;
    job.user_id = plan.user_id;
    return job;
}

}  // namespace

core::PlanId plan_id_of(std::string_view idempotency_key) {
    auto id = core::Uuid::parse(sha256_hex(idempotency_key).substr(0, 32)).value_or(core::Uuid{});
    // Version 8 (RFC 9562): made by a rule of our own.
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x80U);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
    return {id};
}

clients::ToolDefinition PlanTasks::definition() const {
    return {
        kName,
        "Splits a larger task into subtasks that agents work on in parallel. Answers at once with the plan's id; the "
        "combined result is posted to this session later.",
        R"({"type":"object","properties":{"taskDescription":{"type":"string"},)"
        R"("maxSubtasks":{"type":"integer","minimum":1,"maximum":50}},)"
        R"("required":["taskDescription"],"additionalProperties":false})"};
}

bool PlanTasks::is_useful_to(const Person& person) const { return person.permissions.run_agents; }

asio::awaitable<std::string> PlanTasks::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    store::NewPlan plan;
    plan.id = plan_id_of(idempotency_key);
    plan.tenant_id = scene.person.tenant_id;
    plan.user_id = scene.person.user_id;
    plan.parent_session_id = scene.session_id;
    plan.task_description = required_text(arguments, "taskDescription");
    plan.max_subtasks = integer_within(arguments, "maxSubtasks", kDefaultSubtasks, 1, kMaxSubtasks);
    auto begin = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        if (store::find_plan(tx, plan.id)) return;
        plan.job_id = scene.attempt.enqueue_in(tx, make_job(plan)).id;
        (void)store::begin_plan(tx, plan);
        audit_tool(tx, scene, kName, arguments, idempotency_key);
    };
    co_await scene.attempt.transact(begin);
    co_return json{{"planId", plan.id.to_string()}, {"status", "planning"}}.dump();
}

}  // namespace oiab::agent

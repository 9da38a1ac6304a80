#include "handlers/orchestrator_synthesize.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/turn.hpp"
#include "handlers/payload.hpp"
#include "store/plans.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;

constexpr const char* kChannel = "orchestrator";

[[noreturn]] void refuse(core::FailureReason reason, const std::string& why) {
    throw EndAttempt{core::failed(reason, why)};
}

struct OpenedSynthesis {
    agent::Scene scene;
    std::string prompt;
    std::optional<std::string> result;  ///< of a plan that is completed already
};

OpenedSynthesis open_synthesis(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world,
                               core::PlanId plan_id) {
    attempt.guard_in(tx);
    const auto plan = store::find_plan(tx, plan_id);
    if (!plan) refuse(core::FailureReason::kError, fmt::format("there is no plan {}", plan_id.to_string()));
    OpenedSynthesis opened;
    switch (plan->status) {
        case store::PlanStatus::kSynthesizing: break;
        case store::PlanStatus::kCompleted: opened.result = plan->result; return opened;
        case store::PlanStatus::kFailed:
            refuse(core::FailureReason::kCancelled, "the plan was cancelled or has failed already");
        case store::PlanStatus::kPlanning:
        case store::PlanStatus::kExecuting: refuse(core::FailureReason::kError, "the plan's subtasks are not done yet");
    }
    std::vector<agent::SubtaskReport> reports;
    for (const auto& subtask : store::load_subtasks(tx, plan_id)) {
        const bool failed = subtask.status != store::SubtaskStatus::kCompleted;
        reports.push_back({subtask.index, subtask.description, failed ? subtask.error : subtask.result, failed});
    }
    opened.prompt = agent::make_synthesis_prompt(plan->task_description, reports);
    opened.scene = agent::open_scene(tx, attempt, world, plan->user_id, plan->parent_session_id);
    return opened;
}

}  // namespace

OrchestratorSynthesize::OrchestratorSynthesize(std::shared_ptr<const agent::AgentWorld> world)
    : world_{std::move(world)} {}

boost::asio::awaitable<core::Outcome> OrchestratorSynthesize::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const core::PlanId plan_id{payload.required_uuid("planId")};

    auto open = [&](pg::Transaction& tx) { return open_synthesis(tx, attempt, *world_, plan_id); };
    const OpenedSynthesis opened = co_await attempt.transact(open);
    if (opened.result) co_return core::completed(json{{"text", *opened.result}}.dump());
    const agent::Scene& scene = opened.scene;

    // The results say all: neither history nor tools nor memories. The parent session gets the answer alone.
    agent::ChatTask task;
    task.session_id = scene.session.session_id;
    task.channel = kChannel;
    task.purpose = "synthesize";
    task.model = scene.model;
    task.system_prompt = agent::make_synthesis_system_prompt();
    task.prompt = opened.prompt;
    const auto result = co_await agent::run_chat(attempt, *world_, scene.person, std::move(task));

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, result, kChannel);
        if (!store::complete_plan(tx, plan_id, result.text)) {
            refuse(core::FailureReason::kCancelled, "the plan was cancelled or has failed already");
        }
        json described = agent::describe_result(*world_, result);
        described["planId"] = plan_id.to_string();
        return described.dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers

#include "handlers/orchestrator_synthesize.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "handlers/delegated_work.hpp"
#include "handlers/payload.hpp"
#include "store/plans.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;

constexpr const char* kChannel = "orchestrator";

constexpr const char* kCancelled = "the plan was cancelled or has failed already";

struct OpenedSynthesis {
    Synthesis work;
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
        case store::PlanStatus::kFailed: refuse(core::FailureReason::kCancelled, kCancelled);
        case store::PlanStatus::kPlanning:
        case store::PlanStatus::kExecuting: refuse(core::FailureReason::kError, "the plan's subtasks are not done yet");
    }
    std::vector<agent::SubtaskReport> reports;
    for (const auto& subtask : store::load_subtasks(tx, plan_id)) {
        const bool failed = subtask.status != store::SubtaskStatus::kCompleted;
        reports.push_back({subtask.index, subtask.description, failed ? subtask.error : subtask.result, failed});
    }
    opened.work.channel = kChannel;
    opened.work.prompt = agent::make_synthesis_prompt(plan->task_description, reports);
    opened.work.scene = agent::open_scene(tx, attempt, world, plan->user_id, plan->parent_session_id);
    opened.work.described = {{"planId", plan_id.to_string()}};
    return opened;
}

}  // namespace

OrchestratorSynthesize::OrchestratorSynthesize(std::shared_ptr<const agent::AgentWorld> world)
    : world_{std::move(world)} {}

boost::asio::awaitable<core::Outcome> OrchestratorSynthesize::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const core::PlanId plan_id{payload.required_uuid("planId")};

    auto open = [&](pg::Transaction& tx) { return open_synthesis(tx, attempt, *world_, plan_id); };
    OpenedSynthesis opened = co_await attempt.transact(open);
    if (opened.result) co_return core::completed(json{{"text", *opened.result}}.dump());
    KeepResult keep = [&](pg::Transaction& tx, const std::string& text) {
        return store::complete_plan(tx, plan_id, text);
    };
    std::string cancelled = kCancelled;
    co_return co_await run_synthesis(attempt, *world_, std::move(opened.work), std::move(keep), std::move(cancelled));
}

}  // namespace oiab::handlers

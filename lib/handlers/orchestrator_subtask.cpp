#include "handlers/orchestrator_subtask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "handlers/delegated_work.hpp"
#include "handlers/payload.hpp"
#include "store/plans.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;

constexpr const char* kChannel = "orchestrator";

constexpr const char* kCancelled = "the plan was cancelled or has failed already";

struct OpenedSubtask {
    ChildWork work;
    std::optional<std::string> result;  ///< of a subtask that is completed already
};

/// What the dependencies found out.
std::vector<agent::SubtaskReport> reports_for(const store::SubtaskRow& subtask,
                                              const std::vector<store::SubtaskRow>& all) {
    std::vector<agent::SubtaskReport> reports;
    for (const auto& other : all) {
        if (std::ranges::find(subtask.dependencies, other.index) == subtask.dependencies.end()) continue;
        reports.push_back({other.index, other.description, other.result, false});
    }
    return reports;
}

OpenedSubtask open_subtask(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world, core::PlanId plan_id,
                           int index) {
    attempt.guard_in(tx);
    const auto plan = store::find_plan(tx, plan_id);
    if (!plan) refuse(core::FailureReason::kError, fmt::format("there is no plan {}", plan_id.to_string()));
    const auto subtasks = store::load_subtasks(tx, plan_id);
    const auto subtask = std::ranges::find(subtasks, index, &store::SubtaskRow::index);
    if (subtask == subtasks.end()) {
        refuse(core::FailureReason::kError, fmt::format("plan {} has no subtask {}", plan_id.to_string(), index));
    }
    OpenedSubtask opened;
    if (subtask->status == store::SubtaskStatus::kCompleted) {
        opened.result = subtask->result;
        return opened;
    }
    const std::string session_id = fmt::format("subtask-{}-{}", plan_id.to_string(), index);
    const auto person = agent::load_person(tx, plan->user_id);
    agent::ensure_child_session(tx, person, session_id, plan->parent_session_id, "subtask", subtask->description);
    if (!store::begin_subtask(tx, plan_id, index, session_id)) refuse(core::FailureReason::kCancelled, kCancelled);
    ChildWork& work = opened.work;
    work.channel = kChannel;
    work.purpose = "subtask";
    work.agent = subtask->agent;
    work.description = subtask->description;
    work.prompt = agent::make_subtask_prompt(subtask->description, reports_for(*subtask, subtasks));
    work.scene = agent::open_scene(tx, attempt, world, plan->user_id, session_id);
    agent::append_prompt(tx, attempt, work.scene, work.prompt, kChannel);
    return opened;
}

}  // namespace

OrchestratorSubtask::OrchestratorSubtask(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools)
    : world_{std::move(world)}, tools_{std::move(tools)} {}

boost::asio::awaitable<core::Outcome> OrchestratorSubtask::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const core::PlanId plan_id{payload.required_uuid("planId")};
    const int index = static_cast<int>(payload.required_integer("index", 0, 1'000'000));

    auto open = [&](pg::Transaction& tx) { return open_subtask(tx, attempt, *world_, plan_id, index); };
    OpenedSubtask opened = co_await attempt.transact(open);
    if (opened.result) co_return core::completed(json{{"text", *opened.result}}.dump());
    KeepResult keep = [&](pg::Transaction& tx, const std::string& text) {
        return store::complete_subtask(tx, plan_id, index, text);
    };
    std::string cancelled = kCancelled;
    co_return co_await run_child(attempt, *world_, std::move(opened.work), tools_, std::move(keep),
                                 std::move(cancelled));
}

}  // namespace oiab::handlers

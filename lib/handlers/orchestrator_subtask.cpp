#include "handlers/orchestrator_subtask.hpp"

#include <fmt/format.h>

#include <algorithm>
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

[[noreturn]] void refuse_cancelled() {
    refuse(core::FailureReason::kCancelled, "the plan was cancelled or has failed already");
}

struct OpenedSubtask {
    agent::Scene scene;
    std::string description;
    std::string agent;
    std::string prompt;
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
    if (!store::begin_subtask(tx, plan_id, index, session_id)) refuse_cancelled();
    opened.description = subtask->description;
    opened.agent = subtask->agent;
    opened.prompt = agent::make_subtask_prompt(subtask->description, reports_for(*subtask, subtasks));
    opened.scene = agent::open_scene(tx, attempt, world, plan->user_id, session_id);
    agent::append_prompt(tx, attempt, opened.scene, opened.prompt, kChannel);
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
    const agent::Scene& scene = opened.scene;
    const auto context = co_await agent::freeze_context(attempt, *world_, scene, opened.description, tools_);

    agent::ChatTask task;
    task.session_id = scene.session.session_id;
    task.channel = kChannel;
    task.purpose = "subtask";
    task.model = context.model;
    const std::string role = agent::make_subtask_system_prompt(opened.agent);
    task.system_prompt = agent::make_system_prompt(role, context.memory_context, context.skills);
    task.history = scene.history;
    task.history_through = scene.history_through;
    task.prompt = opened.prompt;
    task.tools = context.tools;
    const auto result = co_await agent::run_chat(attempt, *world_, scene.person, std::move(task));

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, result, kChannel);
        if (result.memory_added && world_->embedder) agent::enqueue_embedding(tx, attempt, scene.person);
        if (!store::complete_subtask(tx, plan_id, index, result.text)) refuse_cancelled();
        return agent::describe_result(*world_, result).dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers

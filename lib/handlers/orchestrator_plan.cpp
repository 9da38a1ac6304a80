#include "handlers/orchestrator_plan.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/plan_answer.hpp"
#include "agent/turn.hpp"
#include "handlers/payload.hpp"
#include "store/plans.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::int64_t kDefaultSubtasks = 5;
constexpr std::int64_t kMaxSubtasks = 50;

store::NewPlan read_plan(const Payload& payload, const core::Job& job) {
    store::NewPlan plan;
    // Without an id of the caller's the job's own serves, so that every attempt finds the same plan.
    plan.id = {payload.optional_uuid("planId").value_or(job.id.value)};
    plan.user_id = {payload.required_uuid("userId")};
    plan.parent_session_id = payload.required_text("parentSessionId");
    plan.task_description = payload.required_text("taskDescription");
    plan.max_subtasks = static_cast<int>(payload.optional_integer("maxSubtasks", kDefaultSubtasks, 1, kMaxSubtasks));
    const auto on_failure = payload.optional_text("onFailure", "fail");
    if (on_failure != "fail" && on_failure != "partial")
        Payload::refuse("onFailure", "must be \"fail\" or \"partial\"");
    plan.partial = on_failure == "partial";
    plan.job_id = job.id;
    return plan;
}

[[noreturn]] void refuse(core::FailureReason reason, const std::string& why) {
    throw EndAttempt{core::failed(reason, why)};
}

/// The plan's row, in planning. @throws EndAttempt where it is somebody else's or past planning.
store::PlanRow open_plan(pg::Transaction& tx, const store::NewPlan& wanted) {
    const auto plan = store::begin_plan(tx, wanted);
    if (!plan) refuse(core::FailureReason::kError, "the plan belongs to another user or to another job");
    if (plan->status == store::PlanStatus::kFailed) {
        refuse(core::FailureReason::kCancelled, "the plan has failed already: " + plan->error);
    }
    if (plan->status != store::PlanStatus::kPlanning) {
        refuse(core::FailureReason::kError, "the plan has been made already");
    }
    return *plan;
}

clients::ChatMessage message(clients::Role role, std::string text) {
    clients::ChatMessage made;
    made.role = role;
    made.content = std::move(text);
    return made;
}

struct Planned {
    std::vector<core::PlannedSubtask> subtasks;
    std::vector<clients::ChatMessage> conversation;
    agent::TokenCount tokens;
    double cost_usd = 0;
    int rounds = 0;
};

/// Asks for a plan and, where it cannot be used, once more with the reasons.
asio::awaitable<Planned> make_plan(Attempt& attempt, const agent::AgentWorld& world, const agent::Scene& scene,
                                   std::string session_id, store::PlanRow plan) {
    constexpr int kMaxRounds = 2;
    const auto max_subtasks = static_cast<std::size_t>(plan.max_subtasks);
    Planned planned;
    planned.conversation.push_back(message(clients::Role::kUser, agent::make_planner_prompt(plan.task_description)));
    for (;;) {
        ++planned.rounds;
        agent::ModelCall call;
        call.step = fmt::format("plan-{}", planned.rounds);
        call.session_id = session_id;
        call.purpose = "plan";
        call.model = scene.model;
        call.system_prompt = agent::make_planner_system_prompt(max_subtasks);
        call.turn = planned.conversation;
        const auto reply = co_await agent::call_model(attempt, world, scene.person, std::move(call));
        planned.cost_usd += reply.cost_usd;
        planned.tokens.input += reply.tokens.input;
        planned.tokens.output += reply.tokens.output;
        planned.conversation.push_back(message(clients::Role::kAssistant, reply.content));
        auto parsed = agent::parse_plan_answer(reply.content, max_subtasks);
        if (parsed) {
            planned.subtasks = std::move(*parsed);
            co_return planned;
        }
        if (planned.rounds == kMaxRounds) {
            refuse(core::FailureReason::kError,
                   fmt::format("the planner made no usable plan, also when it was told why: {}",
                               fmt::join(parsed.error(), "; ")));
        }
        planned.conversation.push_back(message(clients::Role::kUser, agent::make_planner_correction(parsed.error())));
    }
}

void keep_conversation(pg::Transaction& tx, const core::Job& job, const std::string& session_id,
                       const std::vector<clients::ChatMessage>& conversation) {
    std::vector<store::NewMessage> messages;
    for (const auto& said : conversation) {
        store::NewMessage& kept = messages.emplace_back();
        kept.role = clients::to_string(said.role);
        kept.content = said.content;
        kept.job_id = job.id;
        kept.step = "plan";
        kept.ordinal = static_cast<int>(messages.size()) - 1;
    }
    store::append_messages(tx, session_id, messages);
}

}  // namespace

OrchestratorPlan::OrchestratorPlan(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> OrchestratorPlan::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    store::NewPlan wanted = read_plan(payload, attempt.job());
    const std::string session_id = "planner-" + wanted.id.to_string();

    store::PlanRow plan;
    auto open = [&](pg::Transaction& tx) {
        auto scene = agent::open_scene(tx, attempt, *world_, wanted.user_id, wanted.parent_session_id);
        wanted.tenant_id = scene.person.tenant_id;
        plan = open_plan(tx, wanted);
        agent::ensure_child_session(tx, scene.person, session_id, plan.parent_session_id, "planner", "Planner");
        return scene;
    };
    const agent::Scene scene = co_await attempt.transact(open);
    const Planned planned = co_await make_plan(attempt, *world_, scene, session_id, plan);

    std::function<std::string(pg::Transaction&)> accept = [&](pg::Transaction& tx) {
        keep_conversation(tx, attempt.job(), session_id, planned.conversation);
        if (!store::accept_plan(tx, plan.id, planned.subtasks, session_id)) {
            refuse(core::FailureReason::kCancelled, "the plan was cancelled while it was being made");
        }
        return json{{"planId", plan.id.to_string()},
                    {"subtasks", planned.subtasks.size()},
                    {"rounds", planned.rounds},
                    {"usage", {{"inputTokens", planned.tokens.input}, {"outputTokens", planned.tokens.output}}},
                    {"costUsd", planned.cost_usd}}
            .dump();
    };
    co_return co_await attempt.complete_in(std::move(accept));
}

}  // namespace oiab::handlers

#include "handlers/delegated_work.hpp"

#include <nlohmann/json.hpp>

#include "agent/frozen_tool.hpp"
#include "agent/reflect_later.hpp"

namespace oiab::handlers {

using nlohmann::json;

void refuse(core::FailureReason reason, const std::string& why) { throw EndAttempt{core::failed(reason, why)}; }

boost::asio::awaitable<core::Outcome> run_child(Attempt& attempt, const agent::AgentWorld& world, ChildWork work,
                                                agent::ToolList tools, KeepResult keep, std::string cancelled) {
    const agent::Scene& scene = work.scene;
    const auto context = co_await agent::freeze_context(attempt, world, scene, work.description, std::move(tools));

    agent::ChatTask task;
    task.session_id = scene.session.session_id;
    task.channel = work.channel;
    task.purpose = work.purpose;
    task.model = context.model;
    const std::string role = agent::make_subtask_system_prompt(work.agent);
    task.system_prompt = agent::make_system_prompt(role, context.memory_context, context.skills);
    task.system_prompt += agent::absent_servers_note(context.absent_servers);
    task.history = scene.history;
    task.history_through = scene.history_through;
    task.prompt = work.prompt;
    task.tools = context.tools;
    const auto result = co_await agent::run_chat(attempt, world, scene.person, std::move(task));

    std::function<std::string(pg::Transaction&)> complete = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, result, work.channel);
        if (result.memory_added && world.embedder) agent::enqueue_embedding(tx, attempt, scene.person);
        agent::enqueue_reflection(tx, attempt, world, scene.person, scene.session.session_id, result);
        if (!keep(tx, result.text)) refuse(core::FailureReason::kCancelled, cancelled);
        return agent::describe_result(world, result).dump();
    };
    co_return co_await attempt.complete_in(std::move(complete));
}

boost::asio::awaitable<core::Outcome> run_synthesis(Attempt& attempt, const agent::AgentWorld& world,
                                                    Synthesis synthesis, KeepResult keep, std::string cancelled) {
    const agent::Scene& scene = synthesis.scene;
    agent::ChatTask task;
    task.session_id = scene.session.session_id;
    task.channel = synthesis.channel;
    task.purpose = "synthesize";
    task.model = scene.model;
    task.system_prompt = agent::make_synthesis_system_prompt();
    task.prompt = synthesis.prompt;
    const auto result = co_await agent::run_chat(attempt, world, scene.person, std::move(task));

    std::function<std::string(pg::Transaction&)> complete = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, result, synthesis.channel);
        if (!keep(tx, result.text)) refuse(core::FailureReason::kCancelled, cancelled);
        json described = agent::describe_result(world, result);
        described.update(synthesis.described);
        return described.dump();
    };
    co_return co_await attempt.complete_in(std::move(complete));
}

}  // namespace oiab::handlers

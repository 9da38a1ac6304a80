#include "handlers/agent_turn.hpp"

#include <nlohmann/json.hpp>

#include "agent/frozen_tool.hpp"
#include "agent/preference_step.hpp"
#include "agent/reflect_later.hpp"
#include "agent/turn.hpp"
#include "handlers/payload.hpp"

namespace oiab::handlers {

using nlohmann::json;

AgentTurn::AgentTurn(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools)
    : world_{std::move(world)}, tools_{std::move(tools)} {}

boost::asio::awaitable<core::Outcome> AgentTurn::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const core::UserId user{payload.required_uuid("userId")};
    const std::string session_id = payload.required_text("sessionId");
    const std::string text = payload.required_text("text");
    const std::string channel = payload.optional_text("channel", "api");

    auto open = [&](pg::Transaction& tx) {
        auto scene = agent::open_scene(tx, attempt, *world_, user, session_id);
        agent::append_prompt(tx, attempt, scene, text, channel);
        return scene;
    };
    agent::Scene scene = co_await attempt.transact(open);
    const auto context = co_await agent::freeze_context(attempt, *world_, scene, text, tools_);

    agent::ChatTask task;
    task.session_id = session_id;
    task.channel = channel;
    task.model = context.model;
    task.system_prompt = agent::make_system_prompt(scene.session.template_system_prompt.value_or(""),
                                                   context.memory_context, context.skills);
    task.system_prompt += agent::absent_servers_note(context.absent_servers);
    task.history = std::move(scene.history);
    task.history_through = scene.history_through;
    task.prompt = text;
    task.tools = context.tools;
    const auto result = co_await agent::run_chat(attempt, *world_, scene.person, std::move(task));
    const auto preferences =
        co_await agent::remember_preferences(attempt, *world_, scene.person, context.model, session_id, text);

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, result, channel);
        if ((result.memory_added || preferences.any()) && world_->embedder)
            agent::enqueue_embedding(tx, attempt, scene.person);
        agent::enqueue_reflection(tx, attempt, *world_, scene.person, session_id, result);
        json described = agent::describe_result(*world_, result);
        described["memories"] = context.memory_ids;
        return described.dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers

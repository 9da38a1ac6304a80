#include "handlers/agent_turn.hpp"

#include <nlohmann/json.hpp>

#include "agent/frozen_tool.hpp"
#include "agent/preference_step.hpp"
#include "agent/reflect_later.hpp"
#include "agent/turn.hpp"
#include "handlers/payload.hpp"
#include "store/sessions.hpp"

namespace oiab::handlers {

using nlohmann::json;

AgentTurn::AgentTurn(TurnRuntimes runtimes, agent::ToolList tools)
    : runtimes_{std::move(runtimes)}, tools_{std::move(tools)} {}

boost::asio::awaitable<core::Outcome> AgentTurn::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const core::UserId user{payload.required_uuid("userId")};
    const std::string session_id = payload.required_text("sessionId");
    const std::string text = payload.required_text("text");
    const std::string channel = payload.optional_text("channel", "api");

    std::optional<agent::Person> person;
    std::string runtime_name;
    auto announce_who = [&](pg::Transaction& tx) { agent::announce_scene(tx, user, session_id); };
    auto announce_what = [&](pg::Transaction& tx) {
        person = agent::load_person(tx, user);
        runtime_name = person->tenant_runtime.empty() ? runtimes_.configured : person->tenant_runtime;
        agent::announce_context(tx, *runtimes_.get(runtime_name).world, *person);
    };
    pg::Announcements announcements{announce_who, announce_what};
    std::optional<agent::FrozenContext> frozen;
    auto open = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        const agent::AgentWorld& world = *runtimes_.get(runtime_name).world;
        auto scene = agent::open_scene(tx, attempt, world, std::move(*person), session_id);
        scene.runtime = runtime_name;
        agent::append_prompt(tx, attempt, scene, text, channel);
        frozen = agent::freeze_context_in(tx, attempt, world, scene, text, tools_);
        return scene;
    };
    attempt.share_transactions(true);
    agent::Scene scene = co_await attempt.transact_together(open, std::move(announcements));
    // Calls that a limit holds decide about it one after the other, under a lock that nobody else is to wait behind.
    attempt.share_transactions(!scene.person.is_limited);
    if (!frozen) {
        frozen = co_await agent::freeze_context(attempt, *runtimes_.get(scene.runtime).world, scene, text, tools_);
    }
    const agent::FrozenContext& context = *frozen;
    // The one in which the job was begun, whatever the settings say by now: another one would begin anew.
    const TurnRuntime& runtime = runtimes_.get(context.runtime);

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
    agent::OpencodeTurnResult turn;
    if (runtime.opencode) {
        turn = co_await agent::run_opencode_turn(attempt, *runtime.world, *runtime.opencode, scene.person,
                                                 scene.session, std::move(task));
    } else {
        turn.result = co_await agent::run_chat(attempt, *runtime.world, scene.person, std::move(task));
    }
    const auto preferences =
        co_await agent::remember_preferences(attempt, *runtime.world, scene.person, context.model, session_id, text);

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        agent::keep_turn(tx, attempt, scene, turn.result, channel);
        if ((turn.result.memory_added || preferences.any()) && runtime.world->embedder)
            agent::enqueue_embedding(tx, attempt, scene.person);
        agent::enqueue_reflection(tx, attempt, *runtime.world, scene.person, session_id, turn.result);
        json described = agent::describe_result(*runtime.world, turn.result);
        described["memories"] = context.memory_ids;
        if (runtime.opencode) {
            store::append_audit(tx, turn.audit);
            if (turn.opencode_session != session_id) {
                store::set_runtime_session(tx, session_id, turn.opencode_session);
            }
            described["runtime"] = context.runtime;
            described["opencodeSession"] = turn.opencode_session;
        }
        return described.dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers

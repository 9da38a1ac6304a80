#include "agent/turn.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/frozen_tool.hpp"
#include "agent/mcp_tools.hpp"
#include "agent/memory_context.hpp"
#include "agent/recall.hpp"
#include "agent/use_skill.hpp"
#include "core/json_text.hpp"
#include "store/additions.hpp"
#include "store/analytics.hpp"
#include "store/audit.hpp"
#include "store/providers.hpp"
#include "store/skills.hpp"
#include "store/trajectories.hpp"
#include "store/users.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr const char* kContextStep = "context";

std::optional<ModelChoice> parse_choice(const std::optional<std::string>& text) {
    return text ? parse_model_choice(*text) : std::nullopt;
}

/// Rows come in the order in which they are to be tried, so the first one of an owner that names a model is it.
std::optional<ModelChoice> first_choice(const std::vector<store::ProviderRow>& rows, store::ProviderOwner owner) {
    for (const auto& row : rows) {
        if (row.owner == owner && !row.default_model.empty()) return ModelChoice{row.provider, row.default_model};
    }
    return std::nullopt;
}

/// For a runtime that calls one provider only: a row of another one would put that one's model and price on its
/// answers.
void leave_out_others(std::vector<store::ProviderRow>& rows, const std::string& configured, Attempt& attempt) {
    std::string names;
    std::erase_if(rows, [&](const store::ProviderRow& row) {
        if (row.provider.empty() || row.provider == configured) return false;
        if (!row.default_model.empty()) names += (names.empty() ? "" : ", ") + row.provider;
        return true;
    });
    if (names.empty()) return;
    attempt.log(LogLevel::kInfo, "only the configured provider (" + configured + ") is called; passed over: " + names);
}

ProviderRows load_rows(pg::Transaction& tx, const Person& person) {
    ProviderRows rows;
    for (auto& row : store::load_providers(tx, person.user_id, person.tenant_id))
        rows.push_back(std::make_shared<const store::ProviderRow>(std::move(row)));
    return rows;
}

ModelChoice find_unrouted(pg::Transaction& tx, const AgentWorld& world, const Person& person,
                          const store::SessionRow& session, Attempt& attempt) {
    auto rows = store::load_providers(tx, person.user_id, person.tenant_id);
    if (!world.settings.any_provider) leave_out_others(rows, world.settings.configured.provider, attempt);
    ModelSources sources;
    sources.template_override = parse_choice(session.template_model_override);
    sources.session_choice = parse_choice(session.model_choice);
    sources.user_provider = first_choice(rows, store::ProviderOwner::kUser);
    sources.tenant_provider = first_choice(rows, store::ProviderOwner::kTenant);
    if (!sources.tenant_provider) sources.tenant_provider = first_choice(rows, store::ProviderOwner::kInstallation);
    sources.configured = world.settings.configured;
    return choose_model(sources);
}

void find_model(pg::Transaction& tx, const AgentWorld& world, Scene& scene, Attempt& attempt) {
    if (world.settings.only_configured) {
        scene.model = world.settings.configured;
        return;
    }
    if (!world.providers) {
        scene.model = find_unrouted(tx, world, scene.person, scene.session, attempt);
        return;
    }
    scene.providers = load_rows(tx, scene.person);
    const StatedChoices stated{parse_choice(scene.session.template_model_override),
                               parse_choice(scene.session.model_choice)};
    auto chosen = choose_provider(stated, scene.providers, world.settings.configured);
    if (!chosen) throw EndAttempt{core::failed(core::FailureReason::kError, chosen.error())};
    scene.model = std::move(*chosen);
}

/// Whether the template, where the session has one, offers the tool.
bool template_offers(const store::SessionRow& session, std::string_view tool) {
    if (!session.template_tools) return true;
    const json list = core::parse_foreign_json(*session.template_tools);
    if (!list.is_array()) return true;
    return std::ranges::any_of(list, [&](const json& name) {
        return name.is_string() && names_tool(name.get_ref<const std::string&>(), tool);
    });
}

ToolList usable_tools(const Scene& scene, const ToolList& tools) {
    ToolList usable;
    for (const auto& tool : tools) {
        const std::string name = tool->definition().name;
        if (scene.person.permissions.allows_tool(name) && tool->is_useful_to(scene.person) &&
            template_offers(scene.session, name) && (name != UseSkill::kName || !scene.skills.empty())) {
            usable.push_back(tool);
        }
    }
    return usable;
}

/// What is recorded of a turn's context.
json describe(const AgentWorld& world, const Scene& scene, const std::vector<store::MemoryRow>& found,
              const ToolList& own, const McpOffer& offer) {
    std::vector<RecalledMemory> memories;
    for (const auto& row : found) memories.push_back({row.id.to_string(), row.kind, row.content});
    const auto memory = make_memory_context(memories, world.settings.recall.max_tokens);
    ToolList tools = own;
    tools.insert(tools.end(), offer.tools.begin(), offer.tools.end());
    json skills = json::array();
    for (const auto& skill : scene.skills) {
        skills.push_back({{"name", skill.name}, {"description", skill.description}, {"id", skill.id}});
    }
    return {{"memoryContext", memory.text},
            {"memories", memory.ids},
            {"skills", std::move(skills)},
            {"tools", freeze_tools(usable_tools(scene, tools))},
            {"provider", scene.model.provider},
            {"model", scene.model.model},
            {"providerRow", scene.model.row ? json(scene.model.row->id) : json(nullptr)},
            {"runtime", scene.runtime},
            {"absentServers", offer.absent}};
}

/// Identifies what the context is for.
json identify(const Scene& scene, const std::string& text) {
    return {{"session", scene.session.session_id}, {"text", sha256_hex(text)}};
}

/// The model of the first attempt, whatever has been chosen since.
ModelChoice read_model(const json& stored, const Scene& scene) {
    const ModelChoice frozen{stored.at("provider").get<std::string>(), stored.at("model").get<std::string>()};
    std::optional<std::string> row;
    if (const auto id = stored.find("providerRow"); id != stored.end() && id->is_string()) row = id->get<std::string>();
    auto found = find_again(frozen, row, scene.providers);
    if (!found) throw EndAttempt{core::failed(core::FailureReason::kError, found.error())};
    return std::move(*found);
}

FrozenContext read_context(const json& stored, const Scene& scene, const ToolList& tools, const AgentWorld& world) {
    FrozenContext context;
    context.memory_context = stored.at("memoryContext").get<std::string>();
    context.memory_ids = stored.at("memories").get<std::vector<std::string>>();
    for (const auto& skill : stored.at("skills")) {
        context.skills.push_back(
            {skill.at("name").get<std::string>(), skill.at("description").get<std::string>(), skill.value("id", "")});
    }
    context.runtime = stored.value("runtime", "");
    context.model = read_model(stored, scene);
    context.tools = thaw_tools(stored.at("tools"), tools, world);
    for (auto& tool : context.tools) {
        // This turn's own, which knows the skills that the turn was offered when it began.
        if (tool->definition().name == UseSkill::kName) tool = std::make_shared<UseSkill>(context.skills);
    }
    context.absent_servers = stored.value("absentServers", std::vector<std::string>{});
    return context;
}

store::AuditEntry audit_entry(const Attempt& attempt, const Scene& scene, const std::string& action,
                              const std::string& channel) {
    store::AuditEntry entry;
    entry.entry_key = attempt.job().id.to_string() + ":" + action;
    entry.tenant_id = scene.person.tenant_id;
    entry.user_id = scene.person.user_id;
    entry.action = action;
    entry.target = "session:" + scene.session.session_id;
    entry.session_id = scene.session.session_id;
    entry.channel = channel;
    return entry;
}

/// For analytics: what was done with what, as hashes.
void record_uses(pg::Transaction& tx, const Attempt& attempt, const Scene& scene, const std::vector<ToolUse>& uses) {
    std::vector<store::ToolEvent> events;
    for (const auto& use : uses) {
        auto& event = events.emplace_back();
        event.event_key = attempt.job().id.to_string() + ":" + use.step;
        event.owner = {scene.person.tenant_id, scene.person.user_id, scene.session.session_id, attempt.job().id};
        event.tool = use.tool;
        event.outcome = use.outcome;
        event.input_hash = use.input_hash;
        event.output_hash = use.output_hash;
    }
    store::record_tool_events(tx, events);
}

}  // namespace

Scene open_scene(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, core::UserId user,
                 const std::string& session_id) {
    attempt.guard_in(tx);
    return open_scene(tx, attempt, world, load_person(tx, user), session_id);
}

Scene open_scene(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, Person person,
                 const std::string& session_id) {
    attempt.guard_in(tx);
    Scene scene;
    scene.person = std::move(person);
    scene.session = load_session(tx, scene.person, session_id);
    find_model(tx, world, scene, attempt);
    for (auto& skill : store::load_promoted_skills(tx, scene.person.tenant_id)) {
        scene.skills.push_back({std::move(skill.name), std::move(skill.description), std::move(skill.id)});
    }
    // Later attempts may have all they need on record, paid for; each call that is really made is decided upon again.
    if (!scene.person.is_limited || attempt.job().lease_epoch.value > 1) return scene;
    if (const auto refusal = load_budget(tx, payer_of(scene.person), attempt.job().id).refusal()) {
        throw EndAttempt{core::failed(core::FailureReason::kBudget, *refusal)};
    }
    return scene;
}

void announce_scene(pg::Transaction& tx, core::UserId user, const std::string& session_id) {
    store::announce_user(tx, user);
    store::announce_session(tx, session_id);
    store::announce_messages(tx, session_id);
}

void announce_context(pg::Transaction& tx, const AgentWorld& world, const Person& person) {
    if (!world.settings.only_configured) store::announce_providers(tx, person.user_id, person.tenant_id);
    if (!world.embedder) announce_recall(tx, world, person);
}

void append_prompt(pg::Transaction& tx, Attempt& attempt, Scene& scene, const std::string& prompt,
                   const std::string& channel) {
    store::NewMessage message;
    message.role = "user";
    message.content = prompt;
    message.job_id = attempt.job().id;
    message.step = "prompt";
    message.metadata = json{{"channel", channel}}.dump();
    // Nothing is there of a first attempt, so that nothing has to be asked: all of it is written at once, after the
    // history has been read.
    const bool first = attempt.job().lease_epoch.value <= 1;
    if (first || store::append_messages(tx, scene.session.session_id, {&message, 1}) > 0) {
        auto entry = audit_entry(attempt, scene, "agent.prompt", channel);
        entry.actor = "user:" + scene.person.user_id.to_string();
        entry.payload = json{{"jobId", attempt.job().id.to_string()}, {"textHash", sha256_hex(prompt)}}.dump();
        store::add_audit(tx, entry);
    }
    auto rows = store::load_messages(tx, scene.session.session_id);
    if (first) store::add_messages(tx, scene.session.session_id, {&message, 1});
    // What comes after the prompt, by whomever, was not there when the first attempt asked.
    const auto own = std::ranges::find_if(
        rows, [&](const store::MessageRow& row) { return row.job_id == attempt.job().id && row.step == "prompt"; });
    rows.erase(own, rows.end());
    scene.history_through = rows.empty() ? 0 : rows.back().seq;
    scene.history = to_chat_messages(rows);
}

void ensure_child_session(pg::Transaction& tx, const Person& person, const std::string& session_id,
                          const std::string& parent_session_id, const std::string& purpose, const std::string& title) {
    store::NewSession session;
    session.session_id = session_id;
    session.user_id = person.user_id;
    session.tenant_id = person.tenant_id;
    session.title = title;
    session.purpose = purpose;
    session.channel = "worker";
    session.parent_session_id = parent_session_id;
    if (!store::ensure_session(tx, session)) return;
    store::AuditEntry entry;
    entry.tenant_id = person.tenant_id;
    entry.user_id = person.user_id;
    entry.actor = "agent:" + parent_session_id;
    entry.action = "agent.session_create";
    entry.target = "session:" + session_id;
    entry.session_id = session_id;
    store::append_audit(tx, {&entry, 1});
}

asio::awaitable<FrozenContext> freeze_context(Attempt& attempt, const AgentWorld& world, const Scene& scene,
                                              std::string text, ToolList tools) {
    Attempt::StepBody body = [&](StepCall call) -> asio::awaitable<json> {
        std::string request_id = call.idempotency_key;
        const auto found = co_await recall(attempt, world, scene.person, scene.session.session_id, text,
                                           std::move(request_id), RecallFallback::kRecent);
        McpOffer offer;
        if (world.mcp) offer = co_await world.mcp->offer(attempt, scene.person);
        co_return describe(world, scene, found, tools, offer);
    };
    StepOptions options;
    options.repeatable = true;
    options.settle_with_next = true;
    json input = identify(scene, text);
    const json stored = co_await attempt.step(kContextStep, std::move(input), std::move(body), std::move(options));
    co_return read_context(stored, scene, tools, world);
}

std::optional<FrozenContext> freeze_context_in(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world,
                                               const Scene& scene, const std::string& text, const ToolList& tools) {
    if (world.mcp && world.mcp->serves(scene.person)) return std::nullopt;
    if (wants_embedding(tx, world, scene.person)) return std::nullopt;
    const auto body = [&] {
        const auto found = recall_in(tx, world, scene.person, text, RecallFallback::kRecent);
        return describe(world, scene, found, tools, {});
    };
    const json stored = attempt.step_in(tx, kContextStep, identify(scene, text), body);
    return read_context(stored, scene, tools, world);
}

void keep_turn(pg::Transaction& tx, Attempt& attempt, const Scene& scene, const ChatResult& result,
               const std::string& channel) {
    const std::string& session_id = scene.session.session_id;
    store::add_messages(tx, session_id, result.messages);

    store::NewTrajectory trajectory;
    trajectory.job_id = attempt.job().id;
    trajectory.tenant_id = scene.person.tenant_id;
    trajectory.user_id = scene.person.user_id;
    trajectory.session_id = session_id;
    trajectory.tools = to_json(result.uses).dump();
    trajectory.tools_hash = trajectory_hash(result.uses);
    trajectory.outcome = result.outcome();
    store::add_trajectory(tx, trajectory);
    record_uses(tx, attempt, scene, result.uses);

    auto entry = audit_entry(attempt, scene, "agent.complete", channel);
    entry.actor = "agent:" + session_id;
    entry.payload = json{{"jobId", attempt.job().id.to_string()},
                         {"model", result.model},
                         {"rounds", result.rounds},
                         {"toolCalls", result.uses.size()},
                         {"costUsd", result.cost_usd}}
                        .dump();
    store::add_audit(tx, entry);
}

json describe_result(const AgentWorld& world, const ChatResult& result) {
    return {{"text", result.text},
            {"model", result.model},
            {"runtime", world.chat->runtime()},
            {"rounds", result.rounds},
            {"toolCalls", result.uses.size()},
            {"usage",
             {{"inputTokens", result.tokens.input},
              {"outputTokens", result.tokens.output},
              {"cacheReadTokens", result.tokens.cache_read}}},
            {"costUsd", result.cost_usd}};
}

void enqueue_embedding(pg::Transaction& tx, Attempt& attempt, const Person& person) {
    core::NewJob job;
    job.kind = "embed-memories";
    job.tenant_id = person.tenant_id;
    job.user_id = person.user_id;
    if (person.tenant_id) {
        job.payload = json{{"tenantId", person.tenant_id->to_string()}}.dump();
        job.dedupe_key = "embed-memories:tenant:" + person.tenant_id->to_string();
    } else {
        job.payload = json{{"userId", person.user_id.to_string()}}.dump();
        job.dedupe_key = "embed-memories:user:" + person.user_id.to_string();
    }
    attempt.enqueue_in(tx, job);
}

}  // namespace oiab::agent

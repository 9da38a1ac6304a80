#include "handlers/builtin.hpp"

#include <stdexcept>

#include "agent/dispatch_tool.hpp"
#include "agent/installation_embedder.hpp"
#include "agent/memory_tools.hpp"
#include "agent/plan_tool.hpp"
#include "agent/use_skill.hpp"
#include "clients/offline_chat.hpp"
#include "clients/offline_embedder.hpp"
#include "clients/openai_chat.hpp"
#include "clients/openai_embeddings.hpp"
#include "handlers/agent_turn.hpp"
#include "handlers/analytics_write.hpp"
#include "handlers/dispatch_execute.hpp"
#include "handlers/dispatch_synthesize.hpp"
#include "handlers/embed_memories.hpp"
#include "handlers/learning_propose.hpp"
#include "handlers/learning_reflect.hpp"
#include "handlers/noop.hpp"
#include "handlers/orchestrator_plan.hpp"
#include "handlers/orchestrator_subtask.hpp"
#include "handlers/orchestrator_synthesize.hpp"
#include "handlers/provider_refresh.hpp"
#include "handlers/trigger_fire.hpp"

namespace oiab::handlers {
namespace {

/// How usage records and prices name a provider that is known by its address alone.
constexpr const char* kDirectProvider = "openai-compatible";
constexpr const char* kOfflineProvider = "offline";

clients::ProviderSettings provider(const ModelEndpoint& endpoint) {
    clients::ProviderSettings settings;
    settings.base_url = endpoint.base_url;
    settings.api_key = endpoint.api_key;
    return settings;
}

/// Models of this family can shorten their vectors; others refuse to be asked.
bool knows_dimensions(const std::string& model) { return model.find("text-embedding-3") != std::string::npos; }

void use_offline(agent::AgentWorld& world, bool embeddings) {
    world.chat = std::make_shared<clients::OfflineChat>();
    if (embeddings) world.embedder = std::make_shared<clients::OfflineEmbedder>();
    world.settings.configured = {kOfflineProvider, "offline-1"};
    world.settings.only_configured = true;
    world.settings.embedding_provider = kOfflineProvider;
}

/// The configured endpoint behind the circuits and limits of this process.
template <typename Model>
std::shared_ptr<Model> guarded(std::shared_ptr<Model> model, const ModelEndpoint& endpoint,
                               const ProviderSupport& providers) {
    if (!providers.traffic) return model;
    return clients::make_guarded(std::move(model), providers.traffic,
                                 clients::make_identity(kDirectProvider, endpoint.base_url, endpoint.api_key));
}

void use_direct(agent::AgentWorld& world, const BuiltinSettings& settings, clients::HttpClient& http,
                const core::Clock& clock, const ProviderSupport& providers) {
    const bool is_set = !settings.llm.base_url.empty() && !settings.llm.model.empty();
    const bool is_left_out = settings.llm.base_url.empty() && settings.llm.model.empty();
    if (!is_set && !(is_left_out && providers.clients)) {
        throw std::runtime_error{
            "runtime = direct needs llm_base_url and llm_model, or neither of them and provider rows"};
    }
    world.providers = providers.clients;
    world.settings.embedding_provider = kDirectProvider;
    if (is_set) {
        clients::OpenAiChatSettings chat;
        chat.provider = provider(settings.llm);
        std::shared_ptr<clients::ChatModel> model = std::make_shared<clients::OpenAiChat>(http, std::move(chat), clock);
        world.chat = guarded(std::move(model), settings.llm, providers);
        world.settings.configured = {kDirectProvider, settings.llm.model};
    } else {
        world.chat = agent::make_missing_endpoint();
        world.settings.configured = {kDirectProvider, ""};
    }
    if (!settings.embeddings || settings.embedding.model.empty()) return;
    if (!settings.embedding_provider.empty() && providers.clients) {
        world.row_embedder = std::make_shared<agent::InstallationEmbedder>(
            providers.clients, settings.embedding_provider, settings.embedding.model);
        world.embedder = world.row_embedder;
        world.settings.embedding_provider = settings.embedding_provider;
        return;
    }

    ModelEndpoint endpoint = settings.embedding;
    if (endpoint.base_url.empty()) {
        // Without an address of its own it is the same provider, whose key serves for both.
        endpoint.base_url = settings.llm.base_url;
        if (endpoint.api_key.empty()) endpoint.api_key = settings.llm.api_key;
    }
    if (endpoint.base_url.empty()) return;
    clients::OpenAiEmbedderSettings embedder;
    embedder.provider = provider(endpoint);
    embedder.model = endpoint.model;
    if (knows_dimensions(endpoint.model)) embedder.dimensions = clients::DimensionsParameter::kSend;
    std::shared_ptr<clients::Embedder> model =
        std::make_shared<clients::OpenAiEmbedder>(http, std::move(embedder), clock);
    world.embedder = guarded(std::move(model), endpoint, providers);
}

}  // namespace

std::shared_ptr<const agent::AgentWorld> make_agent_world(const BuiltinSettings& settings, clients::HttpClient& http,
                                                          const core::Clock& clock, const ProviderSupport& providers) {
    auto world = std::make_shared<agent::AgentWorld>();
    world->settings.recall = settings.recall;
    world->settings.preferences = settings.preferences;
    // The offline model has nothing to add to the rules.
    if (settings.runtime == AgentRuntime::kOffline && settings.preferences == agent::PreferenceExtraction::kModel)
        world->settings.preferences = agent::PreferenceExtraction::kRules;
    world->settings.max_tool_rounds = settings.max_tool_rounds;
    world->settings.learning = settings.learning;
    if (!settings.mcp_servers.empty()) {
        world->mcp = std::make_shared<agent::McpTools>(http, settings.mcp_servers, clock);
    }
    const bool has_model = !settings.llm.base_url.empty() && !settings.llm.model.empty();
    if (settings.runtime == AgentRuntime::kOffline || (settings.runtime == AgentRuntime::kOpencode && !has_model)) {
        use_offline(*world, settings.embeddings);
    } else {
        use_direct(*world, settings, http, clock, providers);
    }
    return world;
}

void register_builtin(Registry& registry, const BuiltinSettings& settings,
                      std::shared_ptr<const agent::AgentWorld> world, TurnRuntimes runtimes) {
    const auto add = [&](const char* kind, std::shared_ptr<Handler> handler) {
        registry.add(kind, std::move(handler), settings.kind_settings ? settings.kind_settings(kind) : KindSettings{});
    };
    const agent::ToolList memory_tools{std::make_shared<agent::MemoryAdd>(), std::make_shared<agent::MemorySearch>()};
    agent::ToolList subtask_tools = memory_tools;
    subtask_tools.push_back(std::make_shared<agent::UseSkill>());
    agent::ToolList all_tools = subtask_tools;
    all_tools.push_back(std::make_shared<agent::PlanTasks>());
    all_tools.push_back(std::make_shared<agent::DispatchTasks>(settings.dispatch_pool != nullptr));

    if (runtimes.all.empty()) runtimes = {"", {{"", {world, nullptr}}}};
    add("agent-turn", std::make_shared<AgentTurn>(std::move(runtimes), all_tools));
    add("orchestrator-plan", std::make_shared<OrchestratorPlan>(world));
    add("orchestrator-subtask", std::make_shared<OrchestratorSubtask>(world, subtask_tools));
    add("orchestrator-synthesize", std::make_shared<OrchestratorSynthesize>(world));
    add("embed-memories", std::make_shared<EmbedMemories>(world));
    add("dispatch-execute", std::make_shared<DispatchExecute>(world, subtask_tools, settings.dispatch_pool));
    add("dispatch-synthesize", std::make_shared<DispatchSynthesize>(world));
    add("analytics-write", std::make_shared<AnalyticsWrite>());
    add("trigger-fire", std::make_shared<TriggerFire>());
    add("learning-reflect", std::make_shared<LearningReflect>(world));
    add("learning-propose", std::make_shared<LearningPropose>(world));
    add("provider-refresh", std::make_shared<ProviderRefresh>(world));
    if (settings.diagnostics) add("noop", std::make_shared<Noop>());
}

}  // namespace oiab::handlers

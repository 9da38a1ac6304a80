#pragma once
/// @file  The kinds that this program handles by itself. For whoever fills the registry at start.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/mcp_tools.hpp"
#include "agent/provider_clients.hpp"
#include "agent/world.hpp"
#include "clients/dispatch_pool.hpp"
#include "clients/http_client.hpp"
#include "clients/provider_traffic.hpp"
#include "core/clock.hpp"
#include "handlers/turn_runtimes.hpp"
#include "oiab/registry.hpp"

namespace oiab::handlers {

enum class AgentRuntime {
    kOffline,   ///< by rules, without a network
    kDirect,    ///< an OpenAI-compatible provider's API from here
    kOpencode,  ///< turns in a sandbox; what is no turn runs as kDirect where that has a model, else as kOffline
};

/// One OpenAI-compatible endpoint.
struct ModelEndpoint {
    std::string base_url;
    std::string api_key;
    std::string model;
};

/// The server in the sandbox; see OpencodeRuntime.
struct OpencodeEndpoint {
    std::string url;  ///< empty: there is none
    std::string password;
    std::string directory;
    std::string local_directory;
    std::string model;  ///< provider/model; empty: its own default
};

struct BuiltinSettings {
    AgentRuntime runtime = AgentRuntime::kOffline;
    ModelEndpoint llm;
    /// Without a model of its own there is no embedder in the direct runtime; an empty base URL is the llm's, key
    /// included.
    ModelEndpoint embedding;
    /// The installation's provider row that embeds with that model, in the place of the endpoint; empty for none.
    std::string embedding_provider;
    OpencodeEndpoint opencode;
    bool embeddings = true;    ///< false: the database has no vectors
    bool diagnostics = false;  ///< registers noop
    agent::RecallSettings recall;
    agent::PreferenceExtraction preferences = agent::PreferenceExtraction::kRules;
    int max_tool_rounds = 16;
    std::shared_ptr<clients::DispatchPool> dispatch_pool;  ///< nullptr: none
    bool learning = true;                                  ///< turns that used a tool are reflected upon
    std::vector<agent::McpServer> mcp_servers;
    /// How attempts of a kind are run; empty: the defaults for all.
    std::function<KindSettings(std::string_view kind)> kind_settings;
};

/// What calls of providers share in this process.
struct ProviderSupport {
    std::shared_ptr<clients::ProviderTraffic> traffic;  ///< nullptr: calls of the configured endpoint are not guarded
    /// For provider rows; nullptr: they have no endpoints of their own, and only the configured one is called.
    std::shared_ptr<agent::ProviderClients> clients;
};

/// The models that the settings name. `http` and `clock` outlive the world.
/// @throws std::runtime_error with one sentence where the direct runtime lacks a base URL or a model, and there are no
/// provider rows to do without
[[nodiscard]] std::shared_ptr<const agent::AgentWorld> make_agent_world(const BuiltinSettings& settings,
                                                                        clients::HttpClient& http,
                                                                        const core::Clock& clock,
                                                                        const ProviderSupport& providers = {});

/// Every runtime that the settings have what it needs for: turns go to the configured one, or to the one that their
/// tenant's settings name. All share the embedder of `world`: memories are compared within one model only.
[[nodiscard]] TurnRuntimes make_turn_runtimes(const BuiltinSettings& settings,
                                              const std::shared_ptr<const agent::AgentWorld>& world,
                                              clients::HttpClient& http, const core::Clock& clock,
                                              const ProviderSupport& providers = {});

/// Registers agent-turn, orchestrator-plan, orchestrator-subtask, orchestrator-synthesize, embed-memories,
/// dispatch-execute, dispatch-synthesize, analytics-write, trigger-fire, learning-reflect, learning-propose,
/// provider-refresh and, where diagnostics are on, noop.
/// @param runtimes  of turns; empty: `world` for all
void register_builtin(Registry& registry, const BuiltinSettings& settings,
                      std::shared_ptr<const agent::AgentWorld> world, TurnRuntimes runtimes = {});

}  // namespace oiab::handlers

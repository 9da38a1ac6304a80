#pragma once
/// @file  The kinds that this program handles by itself. For whoever fills the registry at start.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/mcp_tools.hpp"
#include "agent/world.hpp"
#include "clients/dispatch_pool.hpp"
#include "clients/http_client.hpp"
#include "core/clock.hpp"
#include "oiab/registry.hpp"

namespace oiab::handlers {

enum class AgentRuntime {
    kOffline,  ///< by rules, without a network
    kDirect,   ///< an OpenAI-compatible provider's API from here
};

/// One OpenAI-compatible endpoint.
struct ModelEndpoint {
    std::string base_url;
    std::string api_key;
    std::string model;
};

struct BuiltinSettings {
    AgentRuntime runtime = AgentRuntime::kOffline;
    ModelEndpoint llm;
    /// Without a model of its own there is no embedder in the direct runtime; an empty base URL is the llm's, key
    /// included.
    ModelEndpoint embedding;
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

/// The models that the settings name. `http` and `clock` outlive the world.
/// @throws std::runtime_error with one sentence where the direct runtime lacks a base URL or a model
[[nodiscard]] std::shared_ptr<const agent::AgentWorld> make_agent_world(const BuiltinSettings& settings,
                                                                        clients::HttpClient& http,
                                                                        const core::Clock& clock);

/// Registers agent-turn, orchestrator-plan, orchestrator-subtask, orchestrator-synthesize, embed-memories,
/// dispatch-execute, dispatch-synthesize, analytics-write, trigger-fire, learning-reflect, learning-propose and, where
/// diagnostics are on, noop.
void register_builtin(Registry& registry, const BuiltinSettings& settings,
                      std::shared_ptr<const agent::AgentWorld> world);

}  // namespace oiab::handlers

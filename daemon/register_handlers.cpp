#include "daemon/register_handlers.hpp"

#include "handlers/builtin.hpp"

namespace oiab::daemon {
namespace {

KindSettings kind_settings(const config::Settings& settings, std::string_view kind) {
    const auto& chosen = settings.kind_settings(kind);
    return {.timeout = chosen.timeout,
            .stall_timeout = chosen.stall_timeout,
            .retry = {.base = chosen.retry_base, .cap = chosen.retry_cap}};
}

handlers::ModelEndpoint endpoint(const config::ProviderSettings& provider) {
    return {.base_url = provider.base_url, .api_key = provider.api_key, .model = provider.model};
}

handlers::BuiltinSettings builtin_settings(const config::Settings& settings) {
    const auto& agent = settings.agent;
    handlers::BuiltinSettings builtin;
    builtin.runtime = agent.runtime == config::AgentRuntime::kDirect ? handlers::AgentRuntime::kDirect
                                                                     : handlers::AgentRuntime::kOffline;
    builtin.llm = endpoint(agent.llm);
    builtin.embedding = endpoint(agent.embedding);
    builtin.embeddings = settings.database.embeddings;
    builtin.diagnostics = settings.worker.diagnostics;
    builtin.recall.threshold = agent.recall.threshold;
    builtin.recall.limit = agent.recall.limit;
    builtin.recall.tokens = agent.recall.tokens;
    builtin.max_tool_rounds = agent.max_tool_rounds;
    builtin.kind_settings = [&settings](std::string_view kind) { return kind_settings(settings, kind); };
    return builtin;
}

}  // namespace

void register_handlers(Registry& registry, const config::Settings& settings, clients::HttpClient& http,
                       const core::Clock& clock, const observe::Log&) {
    const auto builtin = builtin_settings(settings);
    handlers::register_builtin(registry, builtin, handlers::make_agent_world(builtin, http, clock));
}

}  // namespace oiab::daemon

#include "daemon/register_handlers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "daemon/mcp_servers.hpp"
#include "handlers/builtin.hpp"
#include "plugin/executable.hpp"
#include "plugin/http_endpoint.hpp"
#include "plugin/shared_library.hpp"

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

handlers::AgentRuntime runtime_of(config::AgentRuntime runtime) {
    switch (runtime) {
        case config::AgentRuntime::kDirect: return handlers::AgentRuntime::kDirect;
        case config::AgentRuntime::kOpencode: return handlers::AgentRuntime::kOpencode;
        case config::AgentRuntime::kOffline: break;
    }
    return handlers::AgentRuntime::kOffline;
}

handlers::BuiltinSettings builtin_settings(const config::Settings& settings) {
    const auto& agent = settings.agent;
    handlers::BuiltinSettings builtin;
    builtin.runtime = runtime_of(agent.runtime);
    builtin.opencode = {.url = agent.opencode.url,
                        .password = agent.opencode.password,
                        .directory = agent.opencode.directory,
                        .local_directory = agent.opencode.local_directory,
                        .model = agent.opencode.model};
    builtin.llm = endpoint(agent.llm);
    builtin.embedding = endpoint(agent.embedding);
    builtin.embedding_provider = agent.embedding_provider;
    builtin.embeddings = settings.database.embeddings;
    builtin.diagnostics = settings.worker.diagnostics;
    builtin.recall.threshold = agent.recall.threshold;
    builtin.recall.limit = agent.recall.limit;
    builtin.recall.max_tokens = agent.recall.tokens;
    builtin.preferences =
        agent.preferences == config::PreferenceExtraction::kModel ? agent::PreferenceExtraction::kModel
        : agent.preferences == config::PreferenceExtraction::kOff ? agent::PreferenceExtraction::kOff
                                                                  : agent::PreferenceExtraction::kRules;
    builtin.max_tool_rounds = agent.max_tool_rounds;
    builtin.learning = agent.learning;
    builtin.mcp_servers = mcp_servers(settings);
    builtin.kind_settings = [&settings](std::string_view kind) { return kind_settings(settings, kind); };
    return builtin;
}

using Made = std::expected<std::shared_ptr<Handler>, std::string>;

/// Makes the handler that one [handlers] table asks for; one overload for each way.
struct MakeHandler {
    const config::Settings& settings;
    const HandlerWorld& world;

    Made operator()(const config::ExecutableSource& source) const {
        return plugin::make_executable_handler({.command = source.command,
                                                .environment = source.environment,
                                                .directory = source.directory,
                                                .max_output = source.max_output,
                                                .cancel_grace = settings.worker.cancel_grace});
    }
    Made operator()(const config::LibrarySource& source) const {
        return plugin::load_library_handler(source.path, world.blocking_pool);
    }
    Made operator()(const config::HttpSource& source) const {
        return plugin::make_http_endpoint_handler(world.http, world.clock,
                                                  {.url = source.url,
                                                   .unix_socket = source.unix_socket,
                                                   .headers = source.headers,
                                                   .max_output = source.max_output,
                                                   .connect_timeout = std::chrono::seconds{10}});
    }
};

}  // namespace

std::shared_ptr<const agent::McpTools> register_handlers(Registry& registry, const config::Settings& settings,
                                                         const HandlerWorld& world) {
    auto builtin = builtin_settings(settings);
    if (const auto& pool = settings.agent.dispatch_pool; !pool.url.empty())
        builtin.dispatch_pool = std::make_shared<clients::DispatchPool>(
            world.http, world.clock, clients::DispatchPoolSettings{.url = pool.url, .token = pool.token});
    const auto agents = handlers::make_agent_world(builtin, world.http, world.clock, world.providers);
    handlers::register_builtin(registry, builtin, agents,
                               handlers::make_turn_runtimes(builtin, agents, world.http, world.clock, world.providers));
    for (const auto& source : settings.handlers) {
        auto handler = std::visit(MakeHandler{settings, world}, source.way);
        if (!handler)
            throw std::runtime_error{
                fmt::format("{}: handler for \"{}\": {}", source.origin, source.pattern, handler.error())};
        registry.add(source.pattern, std::move(*handler), kind_settings(settings, source.pattern));
    }
    // [kind."billing-refund"] below [handlers."billing-*"]: the same handler, with settings of its own.
    const auto registered = registry.patterns();
    for (const auto& [pattern, own] : settings.kinds) {
        if (std::ranges::find(registered, pattern) != registered.end()) continue;
        const auto* entry = registry.find(std::string_view{pattern}.substr(0, pattern.find('*')));
        if (entry != nullptr) registry.add(pattern, entry->handler, kind_settings(settings, pattern));
    }
    return agents->mcp;
}

}  // namespace oiab::daemon

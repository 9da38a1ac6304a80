#include "handlers/turn_runtimes.hpp"

#include <fmt/format.h>

#include "handlers/builtin.hpp"
#include "oiab/attempt.hpp"

namespace oiab::handlers {
namespace {

std::string name_of(AgentRuntime runtime) {
    switch (runtime) {
        case AgentRuntime::kOffline: return "offline";
        case AgentRuntime::kDirect: return "direct";
        case AgentRuntime::kOpencode: return "opencode";
    }
    return {};
}

agent::ModelChoice split_model(const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return {{}, name};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

TurnRuntime make_opencode(const OpencodeEndpoint& endpoint, const agent::AgentWorld& base, clients::HttpClient& http,
                          const core::Clock& clock) {
    auto runtime = std::make_shared<agent::OpencodeRuntime>();
    clients::OpencodeSettings settings;
    settings.base_url = endpoint.url;
    settings.password = endpoint.password;
    runtime->client = std::make_shared<clients::OpencodeClient>(http, std::move(settings));
    runtime->clock = &clock;
    runtime->directory = endpoint.directory;
    runtime->local_directory = endpoint.local_directory;
    auto world = std::make_shared<agent::AgentWorld>(base);
    world->settings.configured = split_model(endpoint.model);
    world->settings.only_configured = false;
    world->settings.any_provider = true;
    // Names go to the sandbox as they are; whose key is used there is its own affair.
    world->providers = nullptr;
    // So do the tools: opencode has its own.
    world->mcp = nullptr;
    if (world->settings.preferences == agent::PreferenceExtraction::kModel)
        world->settings.preferences = agent::PreferenceExtraction::kRules;
    return {std::move(world), std::move(runtime)};
}

}  // namespace

const TurnRuntime& TurnRuntimes::get(std::string_view name) const {
    const auto found = all.find(name);
    if (found != all.end()) return found->second;
    throw EndAttempt{core::retry(
        fmt::format("the turn is to run in the runtime \"{}\", which this worker has no settings for", name))};
}

TurnRuntimes make_turn_runtimes(const BuiltinSettings& settings, const std::shared_ptr<const agent::AgentWorld>& world,
                                clients::HttpClient& http, const core::Clock& clock, const ProviderSupport& providers) {
    TurnRuntimes runtimes;
    runtimes.configured = name_of(settings.runtime);
    const auto add_loop = [&](AgentRuntime runtime) {
        if (settings.runtime == runtime) {
            runtimes.all[name_of(runtime)] = {world, nullptr};
            return;
        }
        BuiltinSettings other = settings;
        other.runtime = runtime;
        auto made = std::make_shared<agent::AgentWorld>(*make_agent_world(other, http, clock, providers));
        made->embedder = world->embedder;
        made->mcp = world->mcp;  // what is known of a server, and the session with it, is the process's
        made->row_embedder = world->row_embedder;
        made->settings.embedding_provider = world->settings.embedding_provider;
        runtimes.all[name_of(runtime)] = {std::move(made), nullptr};
    };
    add_loop(AgentRuntime::kOffline);
    const bool is_set = !settings.llm.base_url.empty() && !settings.llm.model.empty();
    const bool is_left_out = settings.llm.base_url.empty() && settings.llm.model.empty();
    // Without an endpoint of its own the direct runtime lives on provider rows.
    if (is_set || (is_left_out && providers.clients)) add_loop(AgentRuntime::kDirect);
    if (!settings.opencode.url.empty()) {
        runtimes.all[name_of(AgentRuntime::kOpencode)] = make_opencode(settings.opencode, *world, http, clock);
    }
    return runtimes;
}

}  // namespace oiab::handlers

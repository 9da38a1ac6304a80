#pragma once
/// @file  Fills the registry: what is built in first, then what configuration brings, which may replace it.

#include "clients/http_client.hpp"
#include "config/settings.hpp"
#include "core/clock.hpp"
#include "handlers/builtin.hpp"
#include "oiab/registry.hpp"
#include "plugin/blocking_pool.hpp"

namespace oiab::daemon {

/// What handlers share. All of it outlives the registry.
struct HandlerWorld {
    clients::HttpClient& http;
    plugin::BlockingPool& blocking_pool;
    const core::Clock& clock;
    handlers::ProviderSupport providers;
};

/// @returns the servers of tools that handlers use; nullptr where none are configured
/// @throws std::runtime_error with one sentence where a configured handler cannot be loaded or the direct runtime lacks
/// a provider
std::shared_ptr<const agent::McpTools> register_handlers(Registry& registry, const config::Settings& settings,
                                                         const HandlerWorld& world);

}  // namespace oiab::daemon

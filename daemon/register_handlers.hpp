#pragma once
/// @file  Fills the registry: what is built in first, then what configuration brings, which may replace it.

#include "clients/http_client.hpp"
#include "config/settings.hpp"
#include "core/clock.hpp"
#include "observe/log.hpp"
#include "oiab/registry.hpp"

namespace oiab::daemon {

/// `http`, `clock` and `log` outlive the registry. @throws std::runtime_error with one sentence where a configured handler
/// cannot be loaded or the direct runtime lacks a provider
void register_handlers(Registry& registry, const config::Settings& settings, clients::HttpClient& http,
                       const core::Clock& clock, const observe::Log& log);

}  // namespace oiab::daemon

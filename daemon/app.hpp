#pragma once
/// @file  What the service and `--once` have in common: the log, the clock, and the registry with every handler that
/// the settings ask for. Made by main's thread; the parts are thread-safe as they say themselves.

#include <memory>

#include "agent/mcp_tools.hpp"
#include "clients/http_client.hpp"
#include "clients/provider_traffic.hpp"
#include "config/settings.hpp"
#include "core/clock.hpp"
#include "core/random.hpp"
#include "observe/log.hpp"
#include "observe/open_log.hpp"
#include "oiab/registry.hpp"
#include "pg/session.hpp"
#include "plugin/blocking_pool.hpp"
#include "runtime/engine.hpp"
#include "secrets/keyring.hpp"

namespace oiab::daemon {

class App {
public:
    /// Registers the handlers; opens no connection. @throws std::runtime_error with one sentence where a configured
    /// handler cannot be loaded
    App(const config::Settings& settings, observe::Level least_level);
    App(const App&) = delete;
    App& operator=(const App&) = delete;
    ~App();

    [[nodiscard]] const observe::Log& log() const noexcept { return log_; }
    [[nodiscard]] const core::Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] core::Random& random() noexcept { return random_; }
    [[nodiscard]] const Registry& registry() const noexcept { return registry_; }
    [[nodiscard]] runtime::EngineSettings engine_settings() const;
    [[nodiscard]] std::string host() const;

    /// Brings the schema up to date where the settings want that; one query where it is. Blocks.
    /// @param in_use  where there is nothing to do, a session of the caller's is enough to find that out
    /// @throws pg::DatabaseError, pg::MigrationError
    void migrate(pg::Session* in_use = nullptr) const;

    /// Ends what servers of tools keep for this process. Call it when no handler runs any more. Blocks for at most two
    /// seconds.
    void say_goodbye() const;

private:
    const config::Settings& settings_;
    observe::Log log_;
    core::SystemClock clock_;
    core::SystemRandom random_;
    clients::HttpClient http_;
    std::shared_ptr<secrets::Keyring> keyring_;
    std::shared_ptr<clients::ProviderTraffic> traffic_;
    plugin::BlockingPool blocking_pool_;
    Registry registry_;
    std::shared_ptr<const agent::McpTools> tool_servers_;  ///< nullptr: none are configured
};

[[nodiscard]] observe::Level to_observe(config::LogLevel level) noexcept;

}  // namespace oiab::daemon

#include "daemon/app.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "daemon/database.hpp"
#include "daemon/keyring_place.hpp"
#include "daemon/register_handlers.hpp"
#include "daemon/row_addresses.hpp"
#include "handlers/trigger_errand.hpp"
#include "pg/migrator.hpp"
#include "store/retention.hpp"

namespace oiab::daemon {

observe::Level to_observe(config::LogLevel level) noexcept {
    switch (level) {
        case config::LogLevel::kDebug: return observe::Level::kDebug;
        case config::LogLevel::kInfo: return observe::Level::kInfo;
        case config::LogLevel::kWarning: return observe::Level::kWarning;
        case config::LogLevel::kError: return observe::Level::kError;
    }
    return observe::Level::kInfo;
}

namespace {

observe::LogFormat to_observe(config::LogFormat format) noexcept {
    switch (format) {
        case config::LogFormat::kAuto: return observe::LogFormat::kAuto;
        case config::LogFormat::kText: return observe::LogFormat::kText;
        case config::LogFormat::kJson: return observe::LogFormat::kJson;
        case config::LogFormat::kJournald: return observe::LogFormat::kJournald;
    }
    return observe::LogFormat::kAuto;
}

}  // namespace

App::App(const config::Settings& settings, observe::Level least_level)
    : settings_{settings},
      log_{observe::open_log(least_level, to_observe(settings.log.format))},
      keyring_{std::make_shared<secrets::Keyring>(keyring_place(settings))},
      traffic_{std::make_shared<clients::ProviderTraffic>(clock_, random_)},
      blocking_pool_{static_cast<std::size_t>(settings.worker.plugin_threads)} {
    const handlers::ProviderSupport providers{
        traffic_, std::make_shared<agent::ProviderClients>(keyring_, http_, traffic_, clock_, row_addresses(settings))};
    tool_servers_ = register_handlers(
        registry_, settings, {.http = http_, .blocking_pool = blocking_pool_, .clock = clock_, .providers = providers});
}

App::~App() = default;

std::string App::host() const {
    if (!settings_.worker.name.empty()) return settings_.worker.name;
    // POSIX guarantees 255 characters for a host name.
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : std::string{"localhost"};
}

runtime::EngineSettings App::engine_settings() const {
    const auto& worker = settings_.worker;
    runtime::EngineSettings engine;
    engine.session = session_settings(settings_, "worker");
    engine.host = host();
    engine.version = OIAB_VERSION;
    engine.kinds = worker.kinds;
    engine.slots = static_cast<std::size_t>(worker.slots);
    engine.threads = worker.threads > 0 ? static_cast<std::size_t>(worker.threads)
                                        : std::max(1U, std::thread::hardware_concurrency());
    engine.db_lanes = static_cast<std::size_t>(settings_.database.lanes);
    engine.notify = settings_.database.notify;
    engine.delete_on_complete = worker.delete_on_complete;
    engine.max_crashes = worker.max_crashes;
    engine.poll_interval = worker.poll_interval;
    engine.lease = worker.lease;
    engine.drain_timeout = worker.drain_timeout;
    engine.cancel_grace = worker.cancel_grace;
    engine.legacy_lock_timeout = worker.legacy_lock_timeout;
    engine.retention = worker.retention;
    engine.snapshot_warning = worker.snapshot_warning;
    engine.purge_beside = [this](pg::Transaction& tx, int batch) {
        const auto gone = store::purge_expired(tx, batch);
        if (gone.total() > 0)
            log_.info("rows that have outlived their use deleted", {{"audit_entries", gone.audit_entries},
                                                                    {"stream_pieces", gone.stream_pieces},
                                                                    {"cached_embeddings", gone.cached_embeddings},
                                                                    {"lost_calls", gone.lost_calls}});
        return gone.most();
    };
    engine.errand = [this](pg::Session& session) { return handlers::run_triggers(session, log_); };
    return engine;
}

void App::migrate(pg::Session* in_use) const {
    if (!settings_.database.migrate_on_start) return;
    pg::Migrator migrator{
        session_settings(settings_, "migrate"),
        {.embeddings = settings_.database.embeddings, .legacy_dedupe_index = settings_.database.legacy_dedupe_index}};
    if (in_use && migrator.finds_current(*in_use)) return;
    if (migrator.migrate()) log_.info("schema brought up to date", {{"fingerprint", migrator.fingerprint()}});
}

void App::say_goodbye() const {
    if (!tool_servers_) return;
    boost::asio::io_context context{1};
    // A farewell that fails hurts nobody.
    boost::asio::co_spawn(context, tool_servers_->close(), [](std::exception_ptr) {});
    context.run();
}

}  // namespace oiab::daemon

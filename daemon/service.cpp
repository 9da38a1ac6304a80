#include "daemon/service.hpp"

#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "daemon/app.hpp"
#include "daemon/exit_code.hpp"

namespace oiab::daemon {
namespace {

namespace asio = boost::asio;

/// The control thread: signals, the engine's watch, and systemd's watchdog.
class Control {
public:
    Control(runtime::Engine& engine, const observe::Log& log) : engine_{engine}, log_{log} {}

    /// Blocks until the engine is done.
    void run() {
        await_signal();
        tick();
        context_.run();
    }

private:
    void await_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;
            log_.info("stop requested", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
            sd_notify(0, "STOPPING=1");
            engine_.request_stop();
            tick();
            await_signal();
        });
    }

    void tick() {
        const auto next = engine_.tick();
        // A control thread that hangs stops feeding the watchdog, and systemd restarts the service.
        sd_notify(0, "WATCHDOG=1");
        if (engine_.stage() == runtime::Stage::kDone) {
            // Not by cancelling what is awaited: this may be the signal's own handler, which awaits the next one.
            context_.stop();
            return;
        }
        timer_.expires_after(next);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) tick();
        });
    }

    runtime::Engine& engine_;
    const observe::Log& log_;
    asio::io_context context_{1};
    asio::signal_set signals_{context_, SIGTERM, SIGINT};
    asio::steady_timer timer_{context_};
};

}  // namespace

int run_service(const config::Settings& settings) {
    App app{settings, to_observe(settings.log.level)};
    for (const auto& warning : settings.warnings) app.log().warn(warning);
    app.migrate();

    auto engine_settings = app.engine_settings();
    runtime::Engine engine{engine_settings, app.registry(), app.clock(), app.random(), app.log()};
    engine.start();
    std::string kinds;
    for (const auto& pattern : app.registry().patterns()) kinds += (kinds.empty() ? "" : ", ") + pattern;
    app.log().info("ready", {{"worker", engine.worker().value},
                             {"version", engine_settings.version},
                             {"kinds", kinds},
                             {"slots", engine_settings.slots},
                             {"threads", engine_settings.threads},
                             {"lease_ms", engine_settings.lease.count()},
                             {"poll_interval_ms", engine_settings.poll_interval.count()}});
    sd_notify(0, "READY=1");

    Control{engine, app.log()}.run();

    const auto report = engine.shut_down();
    const bool clean = report.left.empty() && report.unsettled == 0 && !engine.failure();
    if (clean) {
        app.log().info("stopped; nothing was left behind");
    } else {
        app.log().warn("stopped; what was left is taken by others when its lease lapses",
                       {{"running", report.left.size()}, {"unsettled", report.unsettled}});
    }
    const int code = clean ? kExitDone : kExitError;
    if (report.handlers_stuck) {
        // A handler that does not come back would keep its thread, and with it this process, for ever.
        std::fflush(nullptr);
        std::_Exit(code);
    }
    return code;
}

}  // namespace oiab::daemon

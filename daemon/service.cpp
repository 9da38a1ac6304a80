#include "daemon/service.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "daemon/app.hpp"
#include "daemon/exit_code.hpp"
#include "observe/metrics.hpp"
#include "observe/metrics_writer.hpp"
#include "observe/systemd.hpp"

namespace oiab::daemon {
namespace {

namespace asio = boost::asio;

/// The control thread: signals, the engine's watch, and systemd's watchdog. Signals are caught from its construction
/// on, so that none ends the process while it holds jobs.
class Control {
public:
    explicit Control(const observe::Log& log) : log_{log} {
        signals_.add(SIGTERM);
        signals_.add(SIGINT);
        // The terminal was closed; a nohup stays one.
        struct sigaction hang_up{};
        if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) signals_.add(SIGHUP);
    }

    /// Runs `work`, which cannot be interrupted otherwise, and ends the process where a stop is requested meanwhile.
    void leave_during(const std::function<void()>& work) {
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            log_.info("stop requested; what the database is doing for this process is rolled back");
            std::_Exit(kExitError);
        });
        const std::jthread watcher{[this](const std::stop_token& done) {
            const std::stop_callback end{done, [this] { asio::post(context_, [this] { signals_.cancel(); }); }};
            context_.run();
        }};
        work();
    }

    /// Blocks until the engine is done.
    void run(runtime::Engine& engine) {
        engine_ = &engine;
        context_.restart();
        await_signal();
        tick();
        context_.run();
    }

private:
    void await_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;
            log_.info("stop requested", {{"signal", ::sigabbrev_np(number)}});
            observe::tell_service_manager("STOPPING=1");
            engine_->request_stop();
            tick();
            await_signal();
        });
    }

    void tick() {
        const auto next = engine_->tick();
        // A control thread that hangs stops feeding the watchdog, and systemd restarts the service.
        observe::tell_service_manager("WATCHDOG=1");
        if (engine_->stage() == runtime::Stage::kDone) {
            // Not by cancelling what is awaited: this may be the signal's own handler, which awaits the next one.
            context_.stop();
            return;
        }
        timer_.expires_after(next);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) tick();
        });
    }

    runtime::Engine* engine_ = nullptr;
    const observe::Log& log_;
    asio::io_context context_{1};
    asio::signal_set signals_{context_};
    asio::steady_timer timer_{context_};
};

/// Feeds systemd's watchdog while the control thread ends the services, which may take as long as the flush and the
/// statements under way. Bounded: a stop that hangs for good is still noticed.
class StoppingWatchdog {
public:
    StoppingWatchdog() = default;

private:
    static constexpr std::chrono::seconds kInterval{5};
    static constexpr int kMostFeeds = 24;

    static void feed(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock{mutex};
        for (int fed = 0; fed < kMostFeeds; ++fed) {
            observe::tell_service_manager("WATCHDOG=1");
            if (stopped.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) return;
        }
    }

    std::jthread thread_{[](const std::stop_token& stop) { feed(stop); }};
};

runtime::Engine::StopReport shut_down(runtime::Engine& engine) {
    const StoppingWatchdog watchdog;
    return engine.shut_down();
}

}  // namespace

int run_service(const config::Settings& settings) {
    App app{settings, to_observe(settings.log.level)};
    for (const auto& warning : settings.warnings) app.log().warn(warning);
    Control control{app.log()};
    control.leave_during([&app] { app.migrate(); });

    auto engine_settings = app.engine_settings();
    const bool shows_metrics = !settings.metrics.file.empty();
    auto metrics = shows_metrics ? observe::Metrics{} : observe::Metrics::discarding();
    runtime::Engine engine{engine_settings, app.registry(), app.clock(), app.random(), app.log(), metrics};
    engine.start();
    observe::MetricsWriter metrics_writer{settings.metrics.file, metrics, app.log()};
    if (shows_metrics) metrics_writer.start();
    std::string kinds;
    for (const auto& pattern : app.registry().patterns()) kinds += (kinds.empty() ? "" : ", ") + pattern;
    app.log().info("ready", {{"worker", engine.worker().value},
                             {"version", engine_settings.version},
                             {"kinds", kinds},
                             {"slots", engine_settings.slots},
                             {"threads", engine_settings.threads},
                             {"lease_ms", engine_settings.lease.count()},
                             {"poll_interval_ms", engine_settings.poll_interval.count()}});
    if (!observe::tell_service_manager("READY=1"))
        app.log().warn("systemd could not be told that the service is ready, and may end it; is libsystemd installed?");

    control.run(engine);

    // Signals go on being caught, and mean nothing more: what follows is bounded.
    const auto report = shut_down(engine);
    metrics_writer.stop();
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
    app.say_goodbye();
    return code;
}

}  // namespace oiab::daemon

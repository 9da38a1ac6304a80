#pragma once
/// @file  An engine on a database of its own, with handlers made of lambdas. For tests of the runtime; the control loop
/// runs on a thread of the fixture.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <thread>

#include "observe/open_log.hpp"
#include "runtime/engine.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

namespace oiab::tests {

class LambdaHandler final : public Handler {
public:
    using Body = std::function<boost::asio::awaitable<core::Outcome>(Attempt&)>;
    explicit LambdaHandler(Body body) : body_{std::move(body)} {}
    boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override { return body_(attempt); }

private:
    Body body_;
};

/// Short times, so that tests of leases and stops end soon.
inline runtime::EngineSettings quick_settings(const TestDatabase& database) {
    runtime::EngineSettings settings;
    settings.session = database.settings("engine");
    settings.host = "test";
    settings.version = "test";
    settings.slots = 8;
    settings.threads = 2;
    settings.db_lanes = 2;
    settings.poll_interval = std::chrono::milliseconds{500};
    settings.lease = std::chrono::seconds{3};
    settings.drain_timeout = std::chrono::seconds{5};
    settings.cancel_grace = std::chrono::seconds{2};
    return settings;
}

class RunningEngine {
public:
    RunningEngine(runtime::EngineSettings settings, const Registry& registry)
        : engine_{std::move(settings), registry, clock_, random_, log_, metrics_} {
        engine_.start();
        control_ = std::thread{[this] {
            while (engine_.stage() != runtime::Stage::kDone) {
                const auto next = engine_.tick();
                control_wakeup_.wait(core::Deadline::after(std::min(next, std::chrono::milliseconds{20})));
            }
        }};
    }
    RunningEngine(const RunningEngine&) = delete;
    RunningEngine& operator=(const RunningEngine&) = delete;
    ~RunningEngine() {
        if (control_.joinable()) static_cast<void>(stop(3));
    }

    runtime::Engine& operator*() noexcept { return engine_; }
    runtime::Engine* operator->() noexcept { return &engine_; }
    [[nodiscard]] const observe::Metrics& metrics() const noexcept { return metrics_; }

    /// Asks `times` times to stop (1 drains, 2 cancel) and waits for the end.
    runtime::Engine::StopReport stop(int times = 1) {
        for (int i = 0; i < times; ++i) engine_.request_stop();
        control_.join();
        return engine_.shut_down();
    }

private:
    observe::Log log_ = observe::open_log(observe::Level::kError, observe::LogFormat::kText);
    core::SystemClock clock_;
    core::SystemRandom random_;
    observe::Metrics metrics_;
    runtime::Engine engine_;
    runtime::Wakeup control_wakeup_;
    std::thread control_;
};

}  // namespace oiab::tests

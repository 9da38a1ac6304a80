#include "crashing_attempt.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

namespace oiab::tests {
namespace {

namespace asio = boost::asio;

/// How far into a body CrashPoint::kDuring is, by the step's name: anywhere within a call to a server on loopback.
std::chrono::microseconds into_body(const std::string& step) {
    return std::chrono::microseconds{std::hash<std::string>{}(step) % 8'000};
}

[[noreturn]] void die() {
    static_cast<void>(kill(getpid(), SIGKILL));
    // The signal ends every thread; this one may still be running for an instant.
    for (;;) pause();
}

asio::awaitable<void> die_later(CrashPlan plan, std::string step) {
    asio::steady_timer timer{co_await asio::this_coro::executor, into_body(step)};
    co_await timer.async_wait(asio::use_awaitable);
    plan.crash_if_due(step, CrashPoint::kDuring);
}

}  // namespace

CrashPlan::CrashPlan(const core::Job& job, std::filesystem::path directory)
    : job_{job.id.to_string()}, directory_{std::move(directory)} {
    const auto payload = job.payload_json();
    const auto crashes = payload.find("crashes");
    if (crashes == payload.end()) return;
    for (const auto& crash : *crashes) crashes_.emplace(crash.at(0).get<std::string>(), crash.at(1).get<std::string>());
}

bool CrashPlan::contains(const std::string& step, CrashPoint point) const {
    return crashes_.contains({step, kCrashPoints[static_cast<std::size_t>(point)]});
}

void CrashPlan::crash_if_due(const std::string& step, CrashPoint point) const {
    if (!contains(step, point)) return;
    const auto happened = directory_ / (job_ + "." + step + "." + kCrashPoints[static_cast<std::size_t>(point)]);
    const int file = open(happened.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) die();
}

asio::awaitable<nlohmann::json> CrashingAttempt::step(std::string name, nlohmann::json input, StepBody body,
                                                      StepOptions options) {
    plan_.crash_if_due(name, CrashPoint::kBeforeIntent);
    StepBody crashing = [&](StepCall call) -> asio::awaitable<nlohmann::json> {
        // What was to be written with the next record has been written now.
        if (!unsettled_.empty()) plan_.crash_if_due(std::exchange(unsettled_, {}), CrashPoint::kAfterSettle);
        plan_.crash_if_due(name, CrashPoint::kAfterIntent);
        if (plan_.contains(name, CrashPoint::kDuring)) {
            // It may outlive the body, and then ends the process a little later: as good a moment as any.
            const auto executor = co_await asio::this_coro::executor;
            asio::co_spawn(executor, die_later(plan_, name), asio::detached);
        }
        auto result = co_await body(std::move(call));
        plan_.crash_if_due(name, CrashPoint::kAfterEffect);
        co_return result;
    };
    StepOptions watched = std::move(options);
    // By value: it may run when this attempt is gone.
    watched.keep = [plan = plan_, name, keep = std::move(watched.keep)](pg::Transaction& tx) {
        if (keep) keep(tx);
        plan.crash_if_due(name, CrashPoint::kInSettle);
    };
    const bool later = watched.settle_with_next;
    auto result = co_await inner_.step(name, std::move(input), std::move(crashing), std::move(watched));
    if (later) unsettled_ = name;
    else plan_.crash_if_due(name, CrashPoint::kAfterSettle);
    co_return result;
}

nlohmann::json CrashingAttempt::step_in(pg::Transaction& tx, const std::string& name, const nlohmann::json& input,
                                        const std::function<nlohmann::json()>& body) {
    plan_.crash_if_due(name, CrashPoint::kBeforeIntent);
    auto result = inner_.step_in(tx, name, input, body);
    plan_.crash_if_due(name, CrashPoint::kInSettle);
    return result;
}

asio::awaitable<core::Outcome> CrashingAttempt::complete_in(std::function<std::string(pg::Transaction&)> body) {
    auto outcome = co_await inner_.complete_in(std::move(body));
    if (!unsettled_.empty()) plan_.crash_if_due(std::exchange(unsettled_, {}), CrashPoint::kAfterSettle);
    co_return outcome;
}

asio::awaitable<bool> CrashingAttempt::progress(nlohmann::json value) { return inner_.progress(std::move(value)); }

asio::awaitable<core::Outcome> CrashingHandler::run(Attempt& attempt) {
    CrashingAttempt crashing{attempt, CrashPlan{attempt.job(), directory_}};
    co_return co_await inner_->run(crashing);
}

}  // namespace oiab::tests

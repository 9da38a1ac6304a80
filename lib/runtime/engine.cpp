#include "runtime/engine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <stop_token>
#include <thread>

namespace oiab::runtime {
namespace {

using std::chrono::milliseconds;

/// How often the watch looks while attempts are held, and while there are none. The first bounds how late a deadline is
/// noticed; deadlines are given in seconds.
constexpr milliseconds kBusyTick{100};
constexpr milliseconds kIdleTick{1'000};
/// Finished attempts that wait for their commit before claiming stops: two full batches in hand and two more waiting.
constexpr std::size_t kSettleBacklogLimit = 4'000;
/// Prefetched attempts that have not started within this were prefetched on a wrong guess; others may have them.
constexpr milliseconds kStalePrefetch{2'000};
/// A session may stay in one call for the server's own timeout and this much more before its socket is shut down.
constexpr milliseconds kOverstay{10'000};
/// A call may take so long once the services are ending: nobody waits for a server that hangs.
constexpr milliseconds kStoppingCall{5'000};
constexpr milliseconds kStoppingWatch{200};
/// Beyond cancel_grace a handler has this long to kill what it started, and to say so.
constexpr milliseconds kKillingTime{2'000};
/// How often the leader looks after its errand where nothing is known to be due: notifications tell of changes, so the
/// look is for those that were lost; and where nobody listens.
constexpr milliseconds kErrandInterval{60'000};
constexpr milliseconds kUntoldErrandInterval{1'000};
/// How long the Settler may try to write what has finished when the process stops.
constexpr milliseconds kFlushTimeout{10'000};

}  // namespace

queue::WorkerId make_worker_id(std::string_view host, core::Random& random) {
    return {fmt::format("{}:{}:{:08x}", host, ::getpid(), static_cast<std::uint32_t>(random.uniform() * 4294967296.0))};
}

Engine::Engine(EngineSettings settings, const Registry& registry, const core::Clock& clock, core::Random& random,
               const observe::Log& log, observe::Metrics& metrics)
    : settings_{std::move(settings)},
      registry_{registry},
      clock_{clock},
      log_{log},
      jobs_running_{metrics.gauge("oiab_jobs_running", "Jobs that this worker holds: claimed, and not settled yet.")},
      world_{make_worker_id(settings_.host, random), store_, clock, random, log},
      store_{"store", settings_.db_lanes, session_for("store")} {
    metrics.gauge("oiab_build_info", "The version of oiabd.").replace({{{{"version", settings_.version}}, 1}});
    const auto failed = [this](std::string sentence) { on_failure(std::move(sentence)); };
    lease_keeper_ = std::make_unique<LeaseKeeper>(session_for("lease"), settings_.lease, attempts_, world_, failed,
                                                  [this] { return describe(); });
    settler_ = std::make_unique<Settler>(
        session_for("settle"), Settler::Settings{.delete_on_complete = settings_.delete_on_complete}, attempts_, world_,
        failed,
        Settler::Hooks{.committed =
                           [this](bool put_back) {
                               // A retry may be due long before the next poll.
                               put_back ? claimer_->jobs_were_put_back() : claimer_->room_was_made();
                           },
                       .more_soon = [this] { return executor_->rushes(); }});
    executor_ = std::make_unique<Executor>(
        Executor::Settings{.slots = settings_.slots,
                           .threads = settings_.threads,
                           .alone_from_crashes = std::max(1, settings_.max_crashes - 1)},
        [this](AttemptPtr attempt, core::Outcome outcome) { on_finished(std::move(attempt), std::move(outcome)); },
        [this] { claimer_->room_was_made(); }, failed);
    claimer_ = std::make_unique<Claimer>(
        session_for("claim"),
        Claimer::Settings{.slots = settings_.slots,
                          .lease = settings_.lease,
                          .poll_interval = settings_.poll_interval,
                          .kinds = settings_.kinds,
                          .listen = settings_.notify},
        registry_, *executor_, attempts_, world_,
        Claimer::Hooks{
            .may_claim = [this] { return lease_keeper_->trusted() && settler_->backlog() < kSettleBacklogLimit; },
            .settle = [this](AttemptPtr attempt,
                             core::Outcome outcome) { settler_->settle(std::move(attempt), std::move(outcome)); }},
        failed);
    janitor_ = std::make_unique<Janitor>(
        session_for("janitor"),
        Janitor::Settings{.lease = settings_.lease,
                          .legacy_lock_timeout = settings_.legacy_lock_timeout,
                          .retention = settings_.retention,
                          .max_crashes = settings_.max_crashes,
                          .snapshot_warning = settings_.snapshot_warning,
                          .purge_beside = settings_.purge_beside,
                          .retention_delay = settings_.retention_delay,
                          .errand = settings_.errand,
                          .errand_interval = settings_.notify ? kErrandInterval : kUntoldErrandInterval},
        world_, metrics, failed);
    if (!settings_.notify) return;
    listener_ = std::make_unique<pg::Listener>(
        session_for("listen"), std::vector<std::string>{"oiab_lanes", "oiab_control"},
        pg::Listener::Callbacks{.notified = [this](std::string_view channel,
                                                   std::string_view payload) { on_notification(channel, payload); },
                                // What was notified while nobody listened is found by looking once.
                                .listening =
                                    [this] {
                                        claimer_->pauses_changed();
                                        janitor_->errand_may_be_due();
                                    },
                                .failed = failed},
        random, log_);
}

Engine::~Engine() {
    if (stage_ != Stage::kDone) {
        stage_ = Stage::kDone;
        static_cast<void>(shut_down());
    }
    // No handler may reach for a lane once the lanes go.
    executor_->stop();
}

pg::SessionSettings Engine::session_for(std::string_view service) const {
    auto session = settings_.session;
    session.application_name = fmt::format("oiabd {}", service);
    // The settler advances the lanes of what this process finishes: no worker has to be told where nobody waits.
    session.parameters.emplace("oiabd.advances_lanes", "on");
    // A plan that was made while a table was empty would scan it when it is full.
    session.parameters.emplace("enable_seqscan", "off");
    return session;
}

void Engine::start() {
    lease_keeper_->start();
    settler_->start();
    claimer_->start();
    janitor_->start();
    if (listener_) listener_->start();
}

void Engine::on_finished(AttemptPtr attempt, core::Outcome outcome) {
    settler_->settle(std::move(attempt), std::move(outcome));
}

void Engine::on_notification(std::string_view channel, std::string_view payload) {
    if (channel == "oiab_lanes") return claimer_->lanes_changed(std::string{payload});
    if (payload == "triggers") return janitor_->errand_may_be_due();
    // "cancel <id>", "pause" or "resume": the renewal's answer carries cancellations, so it is the one way they take.
    if (payload.starts_with("cancel")) {
        const auto id = core::JobId::parse(payload.substr(std::min(payload.size(), std::size_t{7})));
        if (!id || attempts_.find(*id)) lease_keeper_->renew_soon();
        return;
    }
    claimer_->pauses_changed();
}

void Engine::on_failure(std::string sentence) {
    log_.error("engine failed", {{"error", sentence}});
    const std::scoped_lock lock{failure_mutex_};
    if (!failure_) failure_ = std::move(sentence);
}

std::optional<std::string> Engine::failure() const {
    const std::scoped_lock lock{failure_mutex_};
    return failure_;
}

queue::Worker Engine::describe() const {
    queue::Worker worker;
    worker.id = world_.worker;
    worker.host = settings_.host;
    worker.pid = ::getpid();
    worker.version = settings_.version;
    worker.kinds = settings_.kinds.empty() ? registry_.patterns() : settings_.kinds;
    worker.slots = static_cast<int>(settings_.slots);
    worker.running = static_cast<int>(executor_->running());
    worker.state = stage_ == Stage::kRunning ? queue::WorkerState::kRunning : queue::WorkerState::kDraining;
    return worker;
}

milliseconds Engine::tick() {
    const auto now = clock_.now();
    watch_sessions(settings_.session.statement_timeout + kOverstay);
    const auto held = attempts_.size();
    jobs_running_.set(static_cast<double>(held));
    if (held > 0) {
        lease_keeper_->fence(now);
        watch_attempts(now);
        if (executor_->waiting_since_before(now - kStalePrefetch)) {
            executor_->forget_run_times();
            release_unstarted();
        }
    }
    advance_stage(now);
    return attempts_.empty() && stage_ == Stage::kRunning ? kIdleTick : kBusyTick;
}

void Engine::watch_attempts(core::SteadyTime now) {
    for (const auto& attempt : attempts_.all()) {
        if (!attempt->is_running()) continue;
        if (attempt->cancelled()) {
            leave_behind_what_ignores(attempt, now);
            continue;
        }
        if (attempt->deadline().reached(now)) attempt->request_cancel(core::CancelReason::kDeadline);
        const auto stall =
            attempt->entry() != nullptr ? attempt->entry()->settings.stall_timeout : milliseconds::zero();
        if (stall > milliseconds::zero() && now - attempt->last_activity() > stall) {
            attempt->log(LogLevel::kWarning,
                         "the handler reported nothing for its stall_timeout: the attempt is stopped");
            attempt->request_cancel(core::CancelReason::kDeadline);
        }
    }
}

void Engine::leave_behind_what_ignores(const AttemptPtr& attempt, core::SteadyTime now) {
    const auto reason = *attempt->cancelled();
    const bool has_outcome = reason == core::CancelReason::kUser || reason == core::CancelReason::kDeadline;
    if (!has_outcome || now - attempt->cancelled_at() < settings_.cancel_grace + kKillingTime) return;
    if (!attempt->leave_behind()) return;
    attempt->log(LogLevel::kWarning,
                 "the handler did not end within cancel_grace: its job goes on without it, its slot stays taken");
    settler_->settle(attempt, outcome_of_cancel(reason, *attempt));
}

void Engine::watch_sessions(milliseconds limit) {
    const auto cut = [&](auto& owner, std::string_view name) {
        if (owner.cut_if_overstaying(limit))
            log_.warn("a database call overstayed its timeout: its connection was shut down", {{"session", name}});
    };
    cut(*lease_keeper_, "lease");
    cut(*settler_, "settle");
    cut(*claimer_, "claim");
    cut(*janitor_, "janitor");
    if (listener_) cut(*listener_, "listen");
    for (const auto& lane : store_.lanes()) cut(*lane, lane->name());
}

void Engine::release_unstarted() {
    for (auto& attempt : executor_->take_waiting()) settler_->settle(std::move(attempt), core::Released{});
}

void Engine::advance_stage(core::SteadyTime now) {
    const int stops = failure() ? 3 : stops_requested_.load(std::memory_order_relaxed);
    if (stage_ == Stage::kRunning && stops >= 1) {
        stage_ = Stage::kDraining;
        stage_ends_ = core::Deadline::after(settings_.drain_timeout, now);
        log_.info("draining: no new claims, unstarted attempts are given back, running ones finish",
                  {{"running", executor_->running()}, {"drain_timeout_ms", settings_.drain_timeout.count()}});
        claimer_->request_stop();
        janitor_->request_stop();
        executor_->close();
    }
    // A claim that was under way when the stop came may still bring attempts.
    if (stage_ == Stage::kDraining || stage_ == Stage::kCancelling) release_unstarted();
    if (stage_ == Stage::kDraining && (stops >= 2 || stage_ends_.reached(now)) && executor_->running() > 0) {
        stage_ = Stage::kCancelling;
        stage_ends_ = core::Deadline::after(settings_.cancel_grace, now);
        log_.info("cancelling what still runs",
                  {{"running", executor_->running()}, {"cancel_grace_ms", settings_.cancel_grace.count()}});
        for (const auto& attempt : attempts_.all()) attempt->request_cancel(core::CancelReason::kShutdown);
    }
    const bool nothing_runs = executor_->running() == 0 && executor_->waiting() == 0;
    if (stage_ == Stage::kDraining && nothing_runs) stage_ = Stage::kDone;
    if (stage_ == Stage::kCancelling && (nothing_runs || stops >= 3 || stage_ends_.reached(now))) stage_ = Stage::kDone;
}

Engine::StopReport Engine::shut_down() {
    StopReport report;
    // The control thread is in here, so somebody else keeps the watch over calls that hang.
    const std::jthread watch{[this](const std::stop_token& stopped) {
        Wakeup end;
        const std::stop_callback ring{stopped, [&end] { end.ring(); }};
        while (!stopped.stop_requested()) {
            watch_sessions(kStoppingCall);
            end.wait(core::Deadline::after(kStoppingWatch));
        }
    }};
    if (listener_) listener_->request_stop();
    claimer_->request_stop();
    janitor_->request_stop();
    if (listener_) listener_->join();
    claimer_->join();
    janitor_->join();
    executor_->close();
    release_unstarted();
    if (const auto left = settler_->backlog(); left > 0) log_.info("writing the last outcomes", {{"outcomes", left}});
    static_cast<void>(settler_->flush(core::Deadline::after(kFlushTimeout)));
    report.handlers_stuck = executor_->running() > 0;
    for (const auto& attempt : attempts_.all()) {
        if (!attempt->is_running()) continue;
        report.left.push_back(attempt->job().id);
        attempt->log(LogLevel::kWarning, "left running: its lease lapses and another worker takes the job");
    }
    settler_->request_stop();
    settler_->join();
    report.unsettled = settler_->backlog();
    lease_keeper_->request_stop();
    lease_keeper_->join();
    stage_ = Stage::kDone;
    if (!report.handlers_stuck) executor_->stop();
    return report;
}

}  // namespace oiab::runtime

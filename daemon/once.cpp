#include "daemon/once.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>
#include <thread>

#include "daemon/app.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "queue/inspect.hpp"
#include "queue/lanes.hpp"
#include "queue/pauses.hpp"

namespace oiab::daemon {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// For how long an outcome is tried to be written: as long as the server may need to come back.
constexpr std::chrono::seconds kSettleTime{60};
constexpr std::chrono::milliseconds kSettlePause{50};

bool matches(std::string_view kind, std::string_view pattern) {
    return pattern.ends_with('*') ? kind.starts_with(pattern.substr(0, pattern.size() - 1)) : kind == pattern;
}

/// The kinds that may be claimed: handled, asked for, and not paused.
std::vector<std::string> claimable_kinds(pg::Transaction& tx, const Registry& registry,
                                         const std::vector<std::string>& asked) {
    std::set<std::string> kinds;
    for (auto& kind : registry.exact_kinds()) kinds.insert(std::move(kind));
    if (registry.has_patterns())
        for (auto& kind : queue::load_ready_kinds(tx))
            if (registry.find(kind) != nullptr) kinds.insert(std::move(kind));
    std::erase_if(kinds, [&asked](const std::string& kind) {
        return !asked.empty() &&
               std::ranges::none_of(asked, [&kind](const auto& pattern) { return matches(kind, pattern); });
    });
    for (const auto& pause : queue::load_pauses(tx)) {
        if (pause.scope == queue::PauseScope::kAll) return {};
        if (pause.scope == queue::PauseScope::kKind) kinds.erase(pause.name);
    }
    return {kinds.begin(), kinds.end()};
}

std::string refusal_sentence(queue::ClaimRefusal refusal, core::JobId id) {
    switch (refusal) {
        case queue::ClaimRefusal::kNotFound: return "there is no job " + id.to_string();
        case queue::ClaimRefusal::kNotPending:
            return "job " + id.to_string() + " is not pending: see `oiabd jobs show`";
        case queue::ClaimRefusal::kLaneBusy:
            return "another job of its lane is running or comes first: see `oiabd jobs why`";
        case queue::ClaimRefusal::kLocked: return "job " + id.to_string() + " is locked by another session: try again";
    }
    return "the job cannot be claimed";
}

/// Ends a transaction without committing it, and carries what was seen inside.
struct RollBack {
    std::optional<core::Job> job;
};

class Once {
public:
    Once(const config::Settings& settings, const OnceOptions& options, App& app)
        : options_{options},
          app_{app},
          engine_settings_{app.engine_settings()},
          session_{session_settings(settings, "once")},
          store_{"store", 1, session_settings(settings, "once store")},
          world_{runtime::make_worker_id(app.host(), app.random()), store_, app.clock(), app.random(), app.log()} {}

    int run() {
        app_.migrate(&session_);
        const auto claim_started = app_.clock().now();
        auto job = claim();
        if (!job) return kExitNothing;
        if (options_.dry_run) {
            print_json({{"id", job->id.to_string()},
                        {"kind", job->kind},
                        {"attempt", job->attempt},
                        {"status", "pending"},
                        {"dryRun", true},
                        {"handled", app_.registry().find(job->kind) != nullptr}});
            return kExitDone;
        }
        const auto* entry = app_.registry().find(job->kind);
        attempt_ = std::make_shared<runtime::LiveAttempt>(std::move(*job), entry, world_, claim_started);
        const runtime::AttemptPtr held[] = {attempt_};
        attempts_.add(held);
        attempt_->log(LogLevel::kDebug, "claimed");
        // The lease is renewed until the outcome is committed, however long that takes.
        runtime::LeaseKeeper lease_keeper{
            session_settings_for_lease(),
            engine_settings_.lease,
            attempts_,
            world_,
            [this](std::string sentence) { app_.log().error("engine failed", {{"error", sentence}}); },
            [this] { return describe(); }};
        lease_keeper.start();
        await_signal();
        const std::jthread signal_watcher{[this](const std::stop_token& done) {
            const std::stop_callback end{done, [this] { signal_context_.stop(); }};
            signal_context_.run();
        }};
        return settle(run_attempt(lease_keeper));
    }

private:
    std::optional<core::Job> claim() {
        if (!options_.dry_run) {
            if (!options_.job) sweep_lanes();
            // From here on: a signal between the claim and the run would leave a job that nobody runs.
            for (const int number : {SIGINT, SIGTERM}) signals_.add(number);
            return pg::in_transaction(session_, [this](pg::Transaction& tx) { return claim_in(tx); });
        }
        // The claim itself, taken back: exactly what would happen, and nothing does.
        try {
            pg::in_transaction(session_, std::function<void(pg::Transaction&)>{
                                             [this](pg::Transaction& tx) { throw RollBack{claim_in(tx)}; }});
        } catch (const RollBack& rolled_back) {
            return rolled_back.job;
        }
        return std::nullopt;
    }

    /// Where no service runs nobody else has let the first job of each lane through.
    void sweep_lanes() {
        if (!queue::any_lane_waits(session_)) return;
        std::string from;
        do {
            from = queue::sweep_lanes(session_, from).next;
        } while (!from.empty());
    }

    std::optional<core::Job> claim_in(pg::Transaction& tx) {
        if (options_.job) {
            auto job = queue::claim_one(tx, *options_.job, world_.worker, engine_settings_.lease);
            if (job) return std::move(*job);
            complain(refusal_sentence(job.error(), *options_.job));
            return std::nullopt;
        }
        const auto kinds = claimable_kinds(tx, app_.registry(), options_.kinds);
        if (kinds.empty()) {
            complain("none of these kinds has a handler here, or they are paused");
            return std::nullopt;
        }
        auto jobs =
            queue::claim(tx, {.worker = world_.worker, .kinds = kinds, .limit = 1, .lease = engine_settings_.lease});
        if (jobs.empty()) {
            app_.log().debug("nothing to do");
            return std::nullopt;
        }
        return std::move(jobs.front());
    }

    /// The first signal cancels the attempt, whose outcome is still written; a second waits for nothing: the lease
    /// lapses by itself.
    void await_signal() {
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (error) return;
            if (attempt_->cancelled()) std::_Exit(kExitError);
            attempt_->request_cancel(core::CancelReason::kShutdown);
            await_signal();
        });
    }

    core::Outcome run_attempt(runtime::LeaseKeeper& lease_keeper) {
        asio::io_context context{1};
        asio::cancellation_signal signal;
        asio::steady_timer timer{context};
        core::Outcome outcome = core::Released{};
        // A timer that had come before it was cancelled is told as such, and must not wait anew.
        bool ended = false;

        attempt_->begin([&] { asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); }); });
        std::function<void()> watch = [&] {
            timer.expires_after(std::chrono::milliseconds{100});
            timer.async_wait([&](const boost::system::error_code& error) {
                if (error || ended) return;
                const auto now = app_.clock().now();
                lease_keeper.fence(now);
                if (attempt_->deadline().reached(now)) attempt_->request_cancel(core::CancelReason::kDeadline);
                watch();
            });
        };
        watch();
        asio::co_spawn(context, runtime::run_attempt(*attempt_),
                       asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, core::Outcome end) {
                           if (!error) outcome = std::move(end);
                           ended = true;
                           timer.cancel();
                       }));
        context.run();
        attempt_->end();
        return outcome;
    }

    int settle(core::Outcome outcome) {
        const auto& job = attempt_->job();
        outcome = runtime::with_backoff(std::move(outcome), *attempt_, app_.random());
        bool lost = std::holds_alternative<core::Abandoned>(outcome);
        if (!lost && !std::holds_alternative<core::AlreadySettled>(outcome)) lost = !write(outcome);
        if (lost) {
            complain("the lease of job " + job.id.to_string() + " was lost while it ran; nothing was written");
            return kExitError;
        }
        if (job.serial_key) {
            const std::vector<std::string> lanes{*job.serial_key};
            queue::advance_lanes(session_, lanes);
        }
        return report();
    }

    /// Writes the outcome, also past a break of the session: what an attempt has done is not thrown away for that.
    /// @returns false where the attempt is no longer ours.
    bool write(const core::Outcome& outcome) {
        const queue::Settlement settlements[] = {
            {attempt_->job().key(), outcome, attempt_->job().serial_key.has_value()}};
        const auto until = core::Deadline::after(kSettleTime);
        while (true) {
            try {
                const auto answer = queue::settle(session_, world_.worker, settlements).front();
                if (answer.state != queue::SettleState::kHeld) return answer.state != queue::SettleState::kLost;
                if (until.reached())
                    throw std::runtime_error{"another session holds the job's row; it could not be settled"};
            } catch (const pg::DatabaseError& e) {
                if (e.trouble() == pg::Trouble::kRefused || until.reached()) throw;
                app_.log().warn("the outcome could not be written yet; trying again", {{"error", e.what()}});
            }
            pause_.wait(core::Deadline::after(kSettlePause));
        }
    }

    int report() {
        const auto id = attempt_->job().id;
        std::optional<queue::JobView> row;
        std::vector<queue::StepView> steps;
        pg::in_transaction(session_, std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                               row = queue::load_job(tx, id);
                               steps = queue::load_step_views(tx, id);
                           }});
        if (!row) throw std::runtime_error{"the job was deleted while it ran"};
        json answer{{"id", id.to_string()},
                    {"kind", row->kind},
                    {"attempt", attempt_->job().attempt},
                    {"status", core::to_string(row->status)},
                    {"runMs", std::chrono::duration<double, std::milli>(attempt_->run_time()).count()},
                    {"steps", json::array()}};
        if (row->status == core::Status::kCompleted) answer["result"] = row->result ? json_of(*row->result) : json{};
        if (row->status != core::Status::kCompleted && row->last_error) answer["error"] = *row->last_error;
        if (row->failure_reason) answer["failureReason"] = *row->failure_reason;
        if (row->status == core::Status::kPending) answer["runAt"] = row->run_at;
        for (const auto& step : steps) {
            json one{{"name", step.name},
                     {"status", step.status},
                     {"attempt", step.attempt},
                     {"startedAt", step.started_at}};
            if (step.finished_at) one["finishedAt"] = *step.finished_at;
            if (step.error) one["error"] = *step.error;
            answer["steps"].push_back(std::move(one));
        }
        print_json(answer);
        switch (row->status) {
            case core::Status::kCompleted: return kExitDone;
            case core::Status::kFailed: return kExitFailed;
            case core::Status::kPending:
            case core::Status::kRunning: return kExitPending;
        }
        return kExitError;
    }

    pg::SessionSettings session_settings_for_lease() const {
        auto settings = session_.settings();
        settings.application_name = "oiabd once lease";
        return settings;
    }

    queue::Worker describe() const {
        queue::Worker worker;
        worker.id = world_.worker;
        worker.host = app_.host();
        worker.pid = ::getpid();
        worker.version = engine_settings_.version;
        worker.kinds = {attempt_->job().kind};
        worker.slots = 1;
        worker.running = 1;
        return worker;
    }

    const OnceOptions& options_;
    App& app_;
    const runtime::EngineSettings engine_settings_;
    pg::Session session_;
    pg::LaneGroup store_;
    runtime::AttemptWorld world_;
    runtime::AttemptTable attempts_;
    std::shared_ptr<runtime::LiveAttempt> attempt_;
    runtime::Wakeup pause_;
    asio::io_context signal_context_{1};
    asio::signal_set signals_{signal_context_};
};

}  // namespace

int run_once(const config::Settings& settings, const OnceOptions& options) {
    // Debug output is the point of --once, unless somebody asked for another level.
    const auto level = std::ranges::find(settings.described, "log_level", &config::DescribedSetting::name);
    const bool chosen = level != settings.described.end() && level->origin != "default";
    App app{settings, chosen ? to_observe(settings.log.level) : observe::Level::kDebug};
    const int code = Once{settings, options, app}.run();
    app.say_goodbye();
    return code;
}

}  // namespace oiab::daemon

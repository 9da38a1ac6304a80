#include "runtime/settler.hpp"

#include <algorithm>
#include <iterator>

#include "queue/lanes.hpp"

namespace oiab::runtime {
namespace {

using std::chrono::milliseconds;

/// A row that a handler's open transaction or a producer's uncommitted key holds is tried again after this pause.
constexpr milliseconds kHeldPause{20};

/// What handlers completed themselves is tidied up a little later, together: who waits in such a lane was told by the
/// row's own notification, so this is for one that came while the row was being completed.
constexpr milliseconds kTidyPause{10};
constexpr std::size_t kTidyBatch = 100;

bool needs_no_write(const core::Outcome& outcome) {
    return std::holds_alternative<core::AlreadySettled>(outcome) || std::holds_alternative<core::Abandoned>(outcome);
}

}  // namespace

core::Outcome with_backoff(core::Outcome outcome, const LiveAttempt& attempt, core::Random& random) {
    if (auto* retry = std::get_if<core::Retry>(&outcome); retry != nullptr && !retry->after) {
        const auto policy = attempt.entry() != nullptr ? attempt.entry()->settings.retry : core::RetryPolicy{};
        retry->after =
            std::max(policy.backoff(attempt.job().attempt, random), retry->at_least.value_or(milliseconds::zero()));
    }
    return outcome;
}

Settler::Settler(pg::SessionSettings session, Settings settings, AttemptTable& attempts, AttemptWorld& world,
                 EngineFailed failed, Hooks hooks)
    : Service{"settle", std::move(session), std::move(failed), world.log},
      settings_{settings},
      attempts_{attempts},
      world_{world},
      hooks_{std::move(hooks)} {}

Settler::~Settler() {
    request_stop();
    join();
}

void Settler::settle(AttemptPtr attempt, core::Outcome outcome) {
    outcome = with_backoff(std::move(outcome), *attempt, world_.random);
    bool wake = false;
    {
        const std::scoped_lock lock{mutex_};
        finished_.push_back({std::move(attempt), std::move(outcome)});
        wake = std::exchange(asleep_, false);
        if (gathering_ && (finished_.size() >= settings_.max_batch || !hooks_.more_soon())) {
            gathering_ = false;
            wake = true;
        }
    }
    if (wake) ring();
}

std::size_t Settler::backlog() const {
    const std::scoped_lock lock{mutex_};
    return finished_.size() + in_hand_;
}

std::size_t Settler::flush(core::Deadline deadline) {
    std::unique_lock lock{mutex_};
    drained_.wait_until(lock, deadline.at(), [this] { return finished_.empty() && in_hand_ == 0; });
    return finished_.size() + in_hand_;
}

void Settler::gather() {
    {
        const std::scoped_lock lock{mutex_};
        if (finished_.empty() || finished_.size() >= settings_.max_batch || stopping() || !hooks_.more_soon()) return;
        gathering_ = true;
    }
    wait(core::Deadline::after(settings_.gather));
    const std::scoped_lock lock{mutex_};
    gathering_ = false;
}

std::vector<Settler::Finished> Settler::take_batch() {
    const std::scoped_lock lock{mutex_};
    const auto count = std::min(finished_.size(), settings_.max_batch);
    std::vector<Finished> batch(std::make_move_iterator(finished_.begin()),
                                std::make_move_iterator(finished_.begin() + static_cast<std::ptrdiff_t>(count)));
    finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(count));
    in_hand_ = count;
    asleep_ = count == 0;
    return batch;
}

void Settler::serve() {
    while (true) {
        gather();
        // Looked at once: a stop that comes from here on is for the next turn.
        const bool stop = stopping();
        auto batch = take_batch();
        if (batch.empty()) {
            drained_.notify_all();
            tidy_up(stop);
            if (stop) return;
            wait(tidy_at_ ? core::Deadline{*tidy_at_} : core::Deadline::never());
            continue;
        }
        const auto size = batch.size();
        std::vector<Finished> again;
        auto pause = milliseconds::zero();
        try {
            again = write(batch);
            note_success();
            if (!again.empty() && again.size() == size) pause = kHeldPause;
        } catch (const pg::DatabaseError& e) {
            // Nothing is given up: the leases are still renewed, and settling twice is recognised by the guard.
            note_trouble(e);
            again = std::move(batch);
            pause = trouble_pause();
        }
        {
            const std::scoped_lock lock{mutex_};
            in_hand_ = 0;
            finished_.insert(finished_.begin(), std::make_move_iterator(again.begin()),
                             std::make_move_iterator(again.end()));
        }
        if (pause == milliseconds::zero()) {
            hooks_.committed(std::exchange(put_back_, false));
        } else {
            // Once a stop was requested nobody waits for what cannot be written: the leases lapse and are rescued.
            if (stopping()) return;
            wait(core::Deadline::after(pause));
        }
    }
}

std::vector<Settler::Finished> Settler::write(std::vector<Finished>& batch) {
    std::vector<queue::Settlement> settlements;
    settlements.reserve(batch.size());
    std::vector<core::AttemptKey> done;
    done.reserve(batch.size());
    for (auto& finished : batch) {
        const auto& job = finished.attempt->job();
        if (needs_no_write(finished.outcome)) {
            done.push_back(job.key());
        } else {
            settlements.push_back(
                {job.key(), finished.outcome, job.serial_key.has_value(), finished.attempt->may_have_steps()});
        }
    }
    const auto settle = settings_.delete_on_complete ? &queue::settle_and_delete : &queue::settle;
    const auto answers =
        settlements.empty() ? std::vector<queue::Settled>{} : settle(session(), world_.worker, settlements);

    std::vector<Finished> again;
    std::size_t next = 0;
    for (auto& finished : batch) {
        if (needs_no_write(finished.outcome)) {
            note_untidy(finished);
            continue;
        }
        const auto& answer = answers.at(next++);
        if (answer.state == queue::SettleState::kHeld) {
            again.push_back(std::move(finished));
            continue;
        }
        report(finished, answer);
        if (answer.state == queue::SettleState::kPending) put_back_ = true;
        if (!answer.serial_key.empty()) lanes_.push_back(answer.serial_key);
        done.push_back(answer.key);
    }
    attempts_.remove(done);
    tidy_up(!settlements.empty());
    return again;
}

void Settler::note_untidy(const Finished& finished) {
    const auto& job = finished.attempt->job();
    if (job.serial_key) lanes_.push_back(*job.serial_key);
    const auto* settled = std::get_if<core::AlreadySettled>(&finished.outcome);
    if (settings_.delete_on_complete && settled != nullptr && settled->status == core::Status::kCompleted)
        completed_by_handlers_.push_back(job.key());
}

void Settler::tidy_up(bool now) {
    if (lanes_.empty() && completed_by_handlers_.empty()) return;
    const auto time = world_.clock.now();
    if (!tidy_at_) tidy_at_ = time + kTidyPause;
    if (!now && time < *tidy_at_ && lanes_.size() < kTidyBatch) return;
    tidy_at_.reset();
    const auto lanes = std::exchange(lanes_, {});
    const auto completed = std::exchange(completed_by_handlers_, {});
    try {
        if (!lanes.empty()) queue::advance_lanes(session(), lanes);
        if (!completed.empty()) static_cast<void>(queue::delete_completed(session(), world_.worker, completed));
    } catch (const pg::DatabaseError& e) {
        // The outcomes are committed. The row's own notification, where somebody waited by then, and the sweep move the
        // lane on; a completed row that stays is the retention's.
        note_trouble(e);
    }
}

void Settler::report(const Finished& finished, const queue::Settled& settled) {
    using enum queue::SettleState;
    const auto level = settled.state == kCompleted ? observe::Level::kDebug
                       : settled.state == kPending && !std::holds_alternative<core::Retry>(finished.outcome)
                           ? observe::Level::kDebug
                           : observe::Level::kWarning;
    if (!log().enabled(level)) return;
    const auto& job = finished.attempt->job();
    const auto id = job.id.to_string();
    const auto run_ms = std::chrono::duration<double, std::milli>(finished.attempt->run_time()).count();
    const std::string_view what = settled.state == kCompleted ? "job completed"
                                  : settled.state == kFailed  ? "job failed"
                                  : settled.state == kLost    ? "the attempt was no longer ours; nothing written"
                                  : std::holds_alternative<core::Retry>(finished.outcome)
                                      ? "attempt failed, job will be tried again"
                                      : "job given back";
    const auto* retry = std::get_if<core::Retry>(&finished.outcome);
    const std::string_view error = settled.state == kFailed ? std::string_view{settled.error}
                                   : retry != nullptr       ? std::string_view{retry->error}
                                                            : std::string_view{};
    if (error.empty()) {
        const observe::Field fields[] = {
            {"job_id", id}, {"kind", job.kind}, {"attempt", job.attempt}, {"run_ms", run_ms}};
        log().write(level, what, fields);
    } else {
        const observe::Field fields[] = {
            {"job_id", id},
            {"kind", job.kind},
            {"attempt", job.attempt},
            {"max_attempts", job.max_attempts},
            {"run_ms", run_ms},
            {"reason", settled.state == kFailed ? core::to_string(settled.reason) : core::to_string(retry->reason)},
            {"error", error},
            {"retry_in_ms", retry != nullptr && retry->after && settled.state == kPending ? retry->after->count() : 0}};
        log().write(level, what, fields);
    }
}

}  // namespace oiab::runtime

#include "runtime/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "runtime/live_attempt.hpp"

namespace oiab::runtime {
namespace {

namespace asio = boost::asio;

/// Work that a prefetch may hold (docs/job-lifecycle.md, claim), and the most rows that it may be: above about a
/// thousand a larger claim no longer pays (docs/performance.md).
constexpr double kPrefetchSeconds = 0.050;
constexpr std::size_t kMaxPrefetch = 1'000;
/// Attempts that end no further apart than this come in crowds: several within the time that a settle waits for more
/// (docs/performance.md, what was learnt).
constexpr double kRushSeconds = 500e-6;
/// What is believed of the run time after a wrong guess: some 35 short attempts in a row bring the prefetch back.
constexpr double kLongRun = 2.0;
/// Weight of the newest run time: half of the mean is younger than about seven attempts.
constexpr double kNewestWeight = 0.1;
/// After so many attempts without a wait a slot steps aside, so that a flood of tiny jobs does not starve the others.
constexpr int kAttemptsBeforeYield = 32;

/// While half of the prefetch still waits a claim would bring few rows, and few rows cost nearly as much as many.
bool is_low(std::size_t waiting, std::size_t prefetch) { return waiting == 0 || waiting * 2 < prefetch; }

}  // namespace

/// The strand and the cancellation signal of one slot: Asio's signals are not thread-safe, so they are emitted there.
struct Executor::Slot : std::enable_shared_from_this<Slot> {
    explicit Slot(asio::thread_pool& pool) : strand{asio::make_strand(pool)} {}

    /// Wakes the handler of the current attempt from its wait. Only between the attempt's begin and end, which share a
    /// mutex with this call.
    void interrupt() {
        asio::post(strand, [slot = shared_from_this(), attempt = current] {
            // `attempt` is compared, never followed: it may be gone by then.
            if (slot->current == attempt) slot->signal.emit(asio::cancellation_type::terminal);
        });
    }

    asio::strand<asio::thread_pool::executor_type> strand;
    asio::cancellation_signal signal;
    const LiveAttempt* current = nullptr;  // written on the strand, while no attempt of this slot has begun
};

namespace {

/// An attempt that has begun; it ends with the scope, also where the coroutine is destroyed while it waits.
class Running {
public:
    explicit Running(LiveAttempt& attempt, std::function<void()> interrupt) : attempt_{attempt} {
        attempt_.begin(std::move(interrupt));
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { attempt_.end(); }

private:
    LiveAttempt& attempt_;
};

}  // namespace

Executor::Executor(Settings settings, Finished finished, RunningLow running_low, EngineFailed failed)
    : settings_{settings},
      finished_{std::move(finished)},
      running_low_{std::move(running_low)},
      failed_{std::move(failed)},
      pool_{settings.threads} {}

Executor::~Executor() { stop(); }

bool Executor::runs_alone(const LiveAttempt& attempt) const {
    return attempt.job().crash_count >= settings_.alone_from_crashes;
}

bool Executor::first_may_start(std::size_t others) const {
    if (waiting_.empty() || closed_ || alone_) return false;
    return others == 0 || !runs_alone(*waiting_.front());
}

void Executor::submit(std::vector<AttemptPtr> attempts) {
    if (attempts.empty()) return;
    bool spawn = false;
    {
        const std::scoped_lock lock{mutex_};
        if (waiting_.empty()) waiting_since_ = std::chrono::steady_clock::now();
        for (auto& attempt : attempts) waiting_.push_back(std::move(attempt));
        waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
        spawn = !spawning_ && running_ < settings_.slots && first_may_start(running_);
        if (spawn) {
            spawning_ = true;
            ++running_;
        }
    }
    if (spawn) spawn_slot();
}

/// Takes the next attempt for a slot that is in use already, and opens a further slot where more wait: each new slot
/// opens at most one, so a batch of tiny jobs is done by few slots and a batch of long ones opens all within
/// microseconds.
AttemptPtr Executor::next() {
    AttemptPtr attempt;
    bool spawn = false;
    bool low = false;
    {
        const std::scoped_lock lock{mutex_};
        // Whoever asks runs nothing: where one ran alone, it was this slot's.
        alone_ = false;
        if (!first_may_start(running_ - 1)) return nullptr;
        attempt = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
        waiting_since_ = std::chrono::steady_clock::now();
        alone_ = runs_alone(*attempt);
        low = is_low(waiting_.size(), prefetch()) && !is_low(waiting_.size() + 1, prefetch());
        spawn = !spawning_ && running_ < settings_.slots && first_may_start(running_);
        if (spawn) {
            spawning_ = true;
            ++running_;
        }
    }
    if (low) running_low_();
    if (spawn) spawn_slot();
    return attempt;
}

void Executor::spawn_slot() {
    auto slot = std::make_shared<Slot>(pool_);
    asio::co_spawn(slot->strand, serve(slot),
                   asio::bind_cancellation_slot(slot->signal.slot(), [this, slot](std::exception_ptr error) {
                       leave();
                       if (!error) return;
                       try {
                           std::rethrow_exception(error);
                       } catch (const std::exception& e) {
                           failed_(fmt::format("a slot of the executor failed: {}", e.what()));
                       }
                   }));
}

void Executor::leave() {
    bool spawn = false;
    {
        const std::scoped_lock lock{mutex_};
        // An attempt that came between this slot's last look and now must not wait for the next submit.
        alone_ = false;
        spawn = !spawning_ && first_may_start(running_ - 1);
        if (spawn) {
            spawning_ = true;
        } else {
            --running_;
            if (running_ == 0) idle_.notify_all();
        }
    }
    if (spawn) spawn_slot();
}

asio::awaitable<void> Executor::serve(std::shared_ptr<Slot> slot) {
    {
        const std::scoped_lock lock{mutex_};
        spawning_ = false;
    }
    int since_yield = 0;
    while (auto attempt = next()) {
        slot->current = attempt.get();
        core::Outcome outcome = core::Released{};
        {
            // One pointer: a larger closure would be allocated for each attempt.
            const Running running{*attempt, [target = slot.get()] { target->interrupt(); }};
            outcome = co_await run_attempt(*attempt);
        }
        slot->current = nullptr;
        learn(attempt->run_time());
        const bool cancelled = attempt->cancelled().has_value();
        finished_(std::move(attempt), std::move(outcome));
        // A coroutine that was cancelled stays so; the next attempt gets a fresh one.
        if (cancelled) co_return;
        if (++since_yield >= kAttemptsBeforeYield) {
            since_yield = 0;
            co_await asio::post(slot->strand, asio::use_awaitable);
        }
    }
}

void Executor::learn(std::chrono::steady_clock::duration run_time) noexcept {
    const double seconds = std::chrono::duration<double>(run_time).count();
    const double mean = mean_run_seconds_.load(std::memory_order_relaxed);
    // Two threads may overwrite each other's contribution; an estimate does not mind.
    mean_run_seconds_.store(mean < 0 ? seconds : mean + kNewestWeight * (seconds - mean), std::memory_order_relaxed);
}

void Executor::forget_run_times() noexcept { mean_run_seconds_.store(kLongRun, std::memory_order_relaxed); }

std::size_t Executor::prefetch() const noexcept {
    const double mean = mean_run_seconds_.load(std::memory_order_relaxed);
    if (mean < 0 || mean >= kPrefetchSeconds) return 0;
    const double jobs = static_cast<double>(settings_.slots) * kPrefetchSeconds / std::max(mean, 1e-9);
    return jobs >= static_cast<double>(kMaxPrefetch) ? kMaxPrefetch : static_cast<std::size_t>(jobs);
}

std::size_t Executor::wanted() const {
    const auto prefetched = prefetch();
    const std::scoped_lock lock{mutex_};
    if (closed_) return 0;
    // A slot that is just being opened has taken nothing yet, but what it will take still waits in the queue.
    const std::size_t in_slots = running_ - (spawning_ ? 1 : 0);
    const std::size_t held = in_slots + waiting_.size();
    const std::size_t capacity = settings_.slots + prefetched;
    if (!is_low(waiting_.size(), prefetched)) return 0;
    return held >= capacity ? 0 : capacity - held;
}

bool Executor::rushes() const noexcept {
    const double mean = mean_run_seconds_.load(std::memory_order_relaxed);
    const auto slots = static_cast<double>(std::max<std::size_t>(running(), 1));
    return mean >= 0 && mean / slots < kRushSeconds && waiting_count_.load(std::memory_order_relaxed) > 0;
}

std::size_t Executor::waiting() const {
    const std::scoped_lock lock{mutex_};
    return waiting_.size();
}

bool Executor::waiting_since_before(core::SteadyTime before) const {
    const std::scoped_lock lock{mutex_};
    // One that has to run alone waits for the slots to empty, and would wait anew after a release.
    return !waiting_.empty() && waiting_since_ < before && !runs_alone(*waiting_.front());
}

std::vector<AttemptPtr> Executor::take_waiting() {
    const std::scoped_lock lock{mutex_};
    std::vector<AttemptPtr> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    waiting_count_.store(0, std::memory_order_relaxed);
    return taken;
}

void Executor::close() {
    const std::scoped_lock lock{mutex_};
    closed_ = true;
}

std::size_t Executor::wait_idle(core::Deadline deadline) {
    std::unique_lock lock{mutex_};
    const auto nobody_runs = [this] { return running_ == 0; };
    if (deadline.at() == core::SteadyTime::max()) {
        idle_.wait(lock, nobody_runs);
    } else {
        idle_.wait_until(lock, deadline.at(), nobody_runs);
    }
    return running_;
}

void Executor::stop() {
    close();
    // Where nothing runs the threads end by themselves, once those of the lanes and pools that resumed the last
    // attempts have let go of this context. What still runs would keep them for ever.
    if (running() > 0) pool_.stop();
    pool_.join();
}

}  // namespace oiab::runtime

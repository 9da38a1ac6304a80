#include "runtime/live_attempt.hpp"

#include <nlohmann/json.hpp>

namespace oiab::runtime {

LiveAttempt::LiveAttempt(core::Job job, const Registry::Entry* entry, AttemptWorld& world,
                         core::SteadyTime lease_started)
    : job_{std::move(job)}, entry_{entry}, world_{world}, lease_started_{lease_started} {}

core::Deadline LiveAttempt::deadline() const noexcept {
    if (!has_begun()) return core::Deadline::never();
    const std::chrono::steady_clock::duration time =
        job_.timeout ? std::chrono::steady_clock::duration{*job_.timeout}
                     : (entry_ != nullptr ? entry_->settings.timeout : KindSettings{}.timeout);
    return core::Deadline::after(time, began_at_.load(std::memory_order_relaxed));
}

std::optional<core::CancelReason> LiveAttempt::cancelled() const noexcept {
    const int reason = cancel_reason_.load(std::memory_order_acquire);
    if (reason < 0) return std::nullopt;
    return static_cast<core::CancelReason>(reason);
}

void LiveAttempt::log(LogLevel level, std::string_view message) {
    constexpr observe::Level kLevels[] = {observe::Level::kDebug, observe::Level::kInfo, observe::Level::kWarning,
                                          observe::Level::kError};
    const auto translated = kLevels[static_cast<std::size_t>(level)];
    if (!world_.log.enabled(translated)) return;
    const auto id = job_.id.to_string();
    const observe::Field fields[] = {{"job_id", id}, {"kind", job_.kind}, {"attempt", job_.attempt}};
    world_.log.write(translated, message, fields);
}

void LiveAttempt::heartbeat() noexcept { last_activity_.store(world_.clock.now(), std::memory_order_relaxed); }

void LiveAttempt::begin(std::function<void()> interrupt) {
    const auto now = world_.clock.now();
    began_at_.store(now, std::memory_order_relaxed);
    last_activity_.store(now, std::memory_order_relaxed);
    {
        const std::scoped_lock lock{interrupt_mutex_};
        interrupt_ = std::move(interrupt);
    }
    begun_.store(true, std::memory_order_release);
}

void LiveAttempt::end() noexcept {
    ended_at_.store(world_.clock.now(), std::memory_order_relaxed);
    const std::scoped_lock lock{interrupt_mutex_};
    interrupt_ = nullptr;
}

std::chrono::steady_clock::duration LiveAttempt::run_time() const noexcept {
    if (!has_begun()) return {};
    const auto ended = ended_at_.load(std::memory_order_relaxed);
    return (ended == core::SteadyTime{} ? world_.clock.now() : ended) - began_at_.load(std::memory_order_relaxed);
}

void LiveAttempt::request_cancel(core::CancelReason reason) {
    if (cancelled()) return;
    int none = -1;
    cancelled_at_.store(world_.clock.now(), std::memory_order_relaxed);
    if (!cancel_reason_.compare_exchange_strong(none, static_cast<int>(reason), std::memory_order_acq_rel)) return;
    const std::scoped_lock lock{interrupt_mutex_};
    // A handler that begins after this finds the reason before its first line (run_attempt looks).
    if (interrupt_) std::exchange(interrupt_, nullptr)();
}

}  // namespace oiab::runtime

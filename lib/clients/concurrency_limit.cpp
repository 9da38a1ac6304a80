#include "clients/concurrency_limit.hpp"

#include <algorithm>

#include "clients/retry_after.hpp"
#include "core/retry_policy.hpp"

namespace oiab::clients {

ConcurrencyLimit::ConcurrencyLimit(LimitSettings settings)
    : settings_{settings}, limit_{static_cast<double>(std::max<std::size_t>(1, settings.initial))} {}

bool ConcurrencyLimit::may_start(core::SteadyTime now) const { return now >= paused_until_ && !is_full(); }

ConcurrencyLimit::Epoch ConcurrencyLimit::started(core::SteadyTime now) {
    // A ramp that nobody climbed for a while takes its next step from now on, not from the past.
    if (running_++ == 0) ramped_at_ = now;
    return epoch_;
}

void ConcurrencyLimit::succeeded(Epoch began_in) {
    // A limit that is not reached is not what holds calls back: their success says nothing about a higher one.
    const bool full = is_full();
    ended();
    refused_alone_ = 0;
    if (ramping_ || !full || began_in != epoch_) return;
    const bool risky = refused_at_ > 0 && limit() + 1 >= refused_at_;
    limit_ = std::min(limit_ + 1 / (limit_ * (risky ? settings_.patience : 1)), static_cast<double>(settings_.most));
    if (refused_at_ > 0 && limit() >= refused_at_) refused_at_ = 0;
}

void ConcurrencyLimit::refused(Epoch began_in, core::SteadyTime now,
                               std::optional<std::chrono::milliseconds> retry_after, core::Random& random) {
    const std::size_t running = running_;
    ended();
    if (retry_after) pause(now, *retry_after);
    if (began_in != epoch_) return;
    epoch_ = Epoch{static_cast<std::uint64_t>(epoch_) + 1};
    ramping_ = false;
    refused_at_ = running;
    limit_ = std::max(1.0, std::min(limit_, static_cast<double>(running)) / 2);
    if (running > 1) return;
    ++refused_alone_;
    if (retry_after) return;
    const core::RetryPolicy pauses{.base = settings_.first_pause, .cap = settings_.longest_pause};
    pause(now, pauses.backoff(refused_alone_, random));
}

void ConcurrencyLimit::pause(core::SteadyTime now, std::chrono::milliseconds wait) {
    paused_until_ = std::max(paused_until_, now + std::min<std::chrono::milliseconds>(wait, kLongestRetryAfter));
}

void ConcurrencyLimit::ended() {
    if (running_ > 0) --running_;
}

void ConcurrencyLimit::tick(core::SteadyTime now) {
    if (!ramping_ || !is_full() || now < ramped_at_ + settings_.ramp) return;
    limit_ = std::min(limit_ * 2, static_cast<double>(settings_.most));
    ramped_at_ = now;
}

std::optional<core::SteadyTime> ConcurrencyLimit::wake_at(core::SteadyTime now) const {
    if (now < paused_until_) return paused_until_;
    if (ramping_ && is_full() && limit() < settings_.most) return ramped_at_ + settings_.ramp;
    return std::nullopt;
}

}  // namespace oiab::clients

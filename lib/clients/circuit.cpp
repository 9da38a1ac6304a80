#include "clients/circuit.hpp"

#include <algorithm>

namespace oiab::clients {

std::optional<std::chrono::milliseconds> Circuit::refusal(core::SteadyTime now) const {
    if (state_ == State::kClosed) return std::nullopt;
    if (probing_) return settings_.first_pause;
    if (now >= until_) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
}

std::expected<Circuit::Ticket, std::chrono::milliseconds> Circuit::admit(core::SteadyTime now) {
    if (const auto wait = refusal(now)) return std::unexpected{*wait};
    touched_ = now;
    if (state_ == State::kClosed) return Ticket::kUsual;
    state_ = State::kHalfOpen;
    probing_ = true;
    return Ticket::kProbe;
}

void Circuit::answering(Ticket ticket) {
    if (ticket != Ticket::kProbe || state_ != State::kHalfOpen) return;
    state_ = State::kClosed;
    failures_ = std::max(0, settings_.failures - 1);
    probing_ = false;
}

void Circuit::succeeded(Ticket) {
    // Also a call from before the circuit opened proves that the provider works.
    state_ = State::kClosed;
    failures_ = 0;
    openings_ = 0;
    probing_ = false;
}

void Circuit::failed(Ticket ticket, core::SteadyTime now, std::optional<std::chrono::milliseconds> retry_after,
                     core::Random& random) {
    touched_ = now;
    if (state_ == State::kClosed) {
        if (++failures_ >= settings_.failures) open(now, retry_after, random);
        return;
    }
    // A call from before the opening tells nothing new, and must not lengthen the pause.
    if (ticket == Ticket::kProbe && state_ == State::kHalfOpen) open(now, retry_after, random);
}

void Circuit::abandoned(Ticket ticket) {
    if (ticket == Ticket::kProbe && state_ == State::kHalfOpen) probing_ = false;
}

void Circuit::open(core::SteadyTime now, std::optional<std::chrono::milliseconds> retry_after, core::Random& random) {
    state_ = State::kOpen;
    probing_ = false;
    const core::RetryPolicy pauses{.base = settings_.first_pause, .cap = settings_.longest_pause};
    auto pause = pauses.backoff(++openings_, random);
    if (retry_after)
        pause = std::max<std::chrono::milliseconds>(
            pause, std::min<std::chrono::milliseconds>(*retry_after, kLongestRetryAfter));
    until_ = now + pause;
}

}  // namespace oiab::clients

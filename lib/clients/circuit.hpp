#pragma once
/// @file  The rule of a circuit breaker: when a provider that keeps failing is left alone, and for how long. Pure but
/// for the randomness of its pauses; one thread at a time (ProviderTraffic locks).
///
///     closed ── `failures` failures in a row ──> open ── pause passed, a call comes ──> half-open
///        ^                                        ^                                         │
///        └───────────── the probe succeeds ───────┼────────────── the probe fails ──────────┘

#include <chrono>
#include <expected>
#include <optional>

#include "clients/retry_after.hpp"
#include "core/clock.hpp"
#include "core/random.hpp"
#include "core/retry_policy.hpp"

namespace oiab::clients {

struct CircuitSettings {
    /// In a row, of all calls of the process. Five are more than one bad backend behind a load balancer gives, and few
    /// enough that a hundred turns don't all try for themselves.
    int failures = 5;
    std::chrono::milliseconds first_pause{5'000};
    std::chrono::milliseconds longest_pause{300'000};
};

class Circuit {
public:
    enum class State { kClosed, kOpen, kHalfOpen };
    /// What a call holds that was let through; its end must be told by exactly one of succeeded, failed, abandoned.
    enum class Ticket { kUsual, kProbe };

    explicit Circuit(CircuitSettings settings) : settings_{settings} {}

    /// @returns how long to stay away, where a call would be refused now; the next call after a pause is the probe.
    [[nodiscard]] std::optional<std::chrono::milliseconds> refusal(core::SteadyTime now) const;
    /// Lets a call through, or says how long to stay away.
    [[nodiscard]] std::expected<Ticket, std::chrono::milliseconds> admit(core::SteadyTime now);

    /// The provider has begun to answer: enough to let others through, not yet to forget the failures.
    void answering(Ticket ticket);
    void succeeded(Ticket ticket);
    /// @param retry_after  what the provider asked for: the pause is not shorter
    void failed(Ticket ticket, core::SteadyTime now, std::optional<std::chrono::milliseconds> retry_after,
                core::Random& random);
    /// The call ended without telling anything about the provider (cancelled, never sent).
    void abandoned(Ticket ticket);

    [[nodiscard]] State state() const noexcept { return state_; }
    /// Hardly anything would be lost by forgetting it: nothing has failed since the last success, or nobody has called
    /// for an hour, so that every pause is over.
    [[nodiscard]] bool is_forgettable(core::SteadyTime now) const noexcept {
        return (state_ == State::kClosed && failures_ == 0) || now - touched_ >= kLongestRetryAfter;
    }

private:
    void open(core::SteadyTime now, std::optional<std::chrono::milliseconds> retry_after, core::Random& random);

    CircuitSettings settings_;
    State state_ = State::kClosed;
    int failures_ = 0;  ///< in a row
    int openings_ = 0;  ///< since the last success
    bool probing_ = false;
    core::SteadyTime until_{};
    core::SteadyTime touched_{};  ///< when a call was let through or failed last
};

}  // namespace oiab::clients

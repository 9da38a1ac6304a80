#pragma once
/// @file  The rule by which a key's limit of calls at once adapts to what its provider allows. Pure but for the
/// randomness of its pauses; one thread at a time (CallQueue locks).
///
/// A key begins with `initial` calls at once, doubled every `ramp` while calls wait and none has been refused: refusals
/// come within a fraction of a second, answers take many, so a wide key opens quickly and a narrow one is not overrun.
/// From the first refusal (429) on it is additive increase, multiplicative decrease: each full round of successes adds
/// one, a refusal takes half, but only one that was sent after the last decrease, since the others were sent under the
/// old limit. The number that was refused last is tried again only after `patience` rounds.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/clock.hpp"
#include "core/random.hpp"

namespace oiab::clients {

struct LimitSettings {
    std::size_t initial = 32;
    std::size_t most = 4096;
    std::chrono::milliseconds ramp{100};
    int patience = 8;
    /// After a refusal without Retry-After while only one call was under way; doubled with each further one.
    std::chrono::milliseconds first_pause{1'000};
    std::chrono::milliseconds longest_pause{60'000};
};

class ConcurrencyLimit {
public:
    explicit ConcurrencyLimit(LimitSettings settings);

    [[nodiscard]] bool may_start(core::SteadyTime now) const;
    /// Counts the decreases: a call that began in an earlier epoch says nothing about the limit of now.
    enum class Epoch : std::uint64_t {};
    /// A call begins. Its end must be told by exactly one of succeeded, refused, ended.
    [[nodiscard]] Epoch started(core::SteadyTime now);

    void succeeded(Epoch began_in);
    /// Refused for its rate (429).
    /// @param retry_after  what the provider asked for: nothing starts before that has passed
    void refused(Epoch began_in, core::SteadyTime now, std::optional<std::chrono::milliseconds> retry_after,
                 core::Random& random);
    /// Ended in a way that says nothing about the limit.
    void ended();
    /// Nothing starts before that has passed, for a provider in trouble that asks for it; kLongestRetryAfter at most.
    void pause(core::SteadyTime now, std::chrono::milliseconds wait);

    /// Calls are waiting: lets the ramp go on where it is due.
    void tick(core::SteadyTime now);
    /// When may_start may become true by time alone; nullopt where only a call's end can do that.
    [[nodiscard]] std::optional<core::SteadyTime> wake_at(core::SteadyTime now) const;

    [[nodiscard]] std::size_t limit() const noexcept { return static_cast<std::size_t>(limit_); }
    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    /// Nothing starts before this; in the past where there is no pause.
    [[nodiscard]] core::SteadyTime paused_until() const noexcept { return paused_until_; }

private:
    [[nodiscard]] bool is_full() const noexcept { return running_ >= limit(); }

    LimitSettings settings_;
    double limit_;
    std::size_t running_ = 0;
    bool ramping_ = true;
    core::SteadyTime ramped_at_{};  ///< the ramp's last step, or when the first call began
    Epoch epoch_{};
    std::size_t refused_at_ = 0;  ///< calls under way when one was refused last; 0 for never, or reached again since
    int refused_alone_ = 0;       ///< refusals in a row of a call that was the only one
    core::SteadyTime paused_until_{};
};

}  // namespace oiab::clients

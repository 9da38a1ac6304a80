#pragma once
/// @file  When a claim stands back because another worker's is under way. Two claims at once walk past, and lock in
/// vain, each other's rows, and settles skip what they lock. For the Claimer's thread.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "core/clock.hpp"

namespace oiab::runtime {

/// Only while more is due than there is room for: a claim for the last few rows, or for one that has just come, does
/// not ask. And nobody stands back for long, so a worker that is stopped in the middle of its claim stops no other.
class ClaimTurn {
public:
    static constexpr std::size_t kLarge = 100;
    static constexpr std::chrono::milliseconds kPatience{2'000};
    static constexpr std::chrono::milliseconds kImpatience{10'000};
    /// The pause after a refusal doubles from the first to the last: about what a claim of a full batch takes.
    static constexpr std::chrono::microseconds kFirstPause{1'000};
    static constexpr std::chrono::microseconds kLongestPause{16'000};

    /// Whether the next claim is to take nothing where another is under way.
    [[nodiscard]] bool asks(std::size_t wanted, core::SteadyTime now) noexcept {
        if (since_ && now - *since_ >= kPatience) {
            since_.reset();
            asks_from_ = now + kImpatience;
        }
        return backlogged_ && wanted >= kLarge && now >= asks_from_;
    }
    /// @returns until when to stand back
    [[nodiscard]] std::optional<core::SteadyTime> wait(core::SteadyTime now) const noexcept {
        if (!until_ || now >= *until_) return std::nullopt;
        return until_;
    }

    [[nodiscard]] bool was_refused() const noexcept { return since_.has_value(); }
    /// @param chance  from 0 to 1, so that those who wait do not come back together
    void refused(core::SteadyTime now, double chance) noexcept {
        if (!since_) since_ = now;
        pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
        until_ = now + std::chrono::duration_cast<std::chrono::microseconds>(pause_ * (0.5 + chance));
    }
    /// The next claim does not ask.
    void insist() noexcept { backlogged_ = false; }
    /// What a claim that had its turn said: whether it brought all that there was room for.
    void note(bool backlogged) noexcept {
        backlogged_ = backlogged;
        since_.reset();
        until_.reset();
        pause_ = {};
    }

private:
    bool backlogged_ = false;
    core::SteadyTime asks_from_{};
    std::optional<core::SteadyTime> since_;  // refused again and again
    std::optional<core::SteadyTime> until_;
    std::chrono::microseconds pause_{};
};

}  // namespace oiab::runtime

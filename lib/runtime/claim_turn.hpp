#pragma once
/// @file  When a claim stands back because another worker's is under way. Two claims at once walk past, and lock in
/// vain, each other's rows, and settles skip what they lock. For the Claimer's thread.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "core/clock.hpp"

namespace oiab::runtime {

/// Only while more is due than there is room for: a claim for the last few rows, or for one that has just come, does
/// not ask. And nobody stands back for long behind one and the same claim, so a claim that hangs stops no other worker.
class ClaimTurn {
public:
    static constexpr std::size_t kLarge = 100;
    /// For so long another's claims are put up with before a look at whose they are, and one claim after such a look.
    static constexpr std::chrono::milliseconds kPatience{1'000};
    static constexpr std::chrono::milliseconds kImpatience{10'000};
    /// The pause after a refusal doubles from the first to the last: about what a claim of a full batch takes.
    static constexpr std::chrono::microseconds kFirstPause{1'000};
    static constexpr std::chrono::microseconds kLongestPause{16'000};

    /// Whether the next claim is to take nothing where another is under way.
    [[nodiscard]] bool asks(std::size_t wanted, core::SteadyTime now) const noexcept {
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
        empty_ = 0;
        if (!since_) since_ = now;
        pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
        until_ = now + std::chrono::duration_cast<std::chrono::microseconds>(pause_ * (0.5 + chance));
    }
    /// Whether somebody should look whose the claim under way is (found_claiming).
    [[nodiscard]] bool is_impatient(core::SteadyTime now) const noexcept {
        return since_ && now - *since_ >= kPatience;
    }
    /// @param claim  which claim is under way, if any. Many claims in turn are what is wanted; one and the same that
    /// goes on and on is waited for no longer.
    void found_claiming(std::optional<std::string> claim, core::SteadyTime now) {
        if (claim && claim == former_) {
            since_.reset();
            former_.reset();
            asks_from_ = now + kImpatience;
            return;
        }
        since_ = now;
        former_ = std::move(claim);
    }
    /// A claim in turn brought nothing, and nobody is claiming: nothing was there, or whoever claimed has just ended.
    /// The second time in a row it is the former, and the next claim does not ask.
    void came_back_empty() noexcept {
        if (++empty_ > 1) backlogged_ = false;
    }
    /// What a claim that had its turn said: how many rows it brought of those that there was room for. Many are a
    /// backlog though they be too few: claims at once leave each other short, and would be at once again.
    void note(std::size_t claimed, std::size_t wanted) noexcept {
        backlogged_ = claimed == wanted || claimed >= kLarge;
        empty_ = 0;
        former_.reset();
        since_.reset();
        until_.reset();
        pause_ = {};
    }

private:
    bool backlogged_ = false;
    core::SteadyTime asks_from_{};
    std::optional<core::SteadyTime> since_;  // refused again and again
    std::optional<std::string> former_;      // what was claiming at the last look
    int empty_ = 0;
    std::optional<core::SteadyTime> until_;
    std::chrono::microseconds pause_{};
};

}  // namespace oiab::runtime

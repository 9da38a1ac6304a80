#pragma once
/// @file  A point on the steady clock after which waiting is pointless. A value; any thread.

#include <algorithm>
#include <chrono>

#include "core/clock.hpp"

namespace oiab::core {

class Deadline {
public:
    explicit constexpr Deadline(SteadyTime at) noexcept : at_{at} {}

    [[nodiscard]] static Deadline after(std::chrono::steady_clock::duration wait,
                                        SteadyTime now = std::chrono::steady_clock::now()) noexcept {
        return Deadline{now + wait};
    }
    /// Never reached.
    [[nodiscard]] static constexpr Deadline never() noexcept { return Deadline{SteadyTime::max()}; }

    [[nodiscard]] SteadyTime at() const noexcept { return at_; }
    [[nodiscard]] bool reached(SteadyTime now = std::chrono::steady_clock::now()) const noexcept { return now >= at_; }
    /// Zero once reached, never negative.
    [[nodiscard]] milliseconds left(SteadyTime now = std::chrono::steady_clock::now()) const noexcept {
        if (reached(now)) return milliseconds::zero();
        return std::chrono::duration_cast<milliseconds>(at_ - now);
    }
    [[nodiscard]] Deadline or_earlier(Deadline other) const noexcept { return Deadline{std::min(at_, other.at_)}; }

private:
    SteadyTime at_;
};

}  // namespace oiab::core

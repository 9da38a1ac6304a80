#pragma once
/// @file  When a failed attempt is tried again. A value; any thread.

#include <chrono>

#include "core/clock.hpp"
#include "core/random.hpp"

namespace oiab::core {

struct RetryPolicy {
    milliseconds base{5'000};
    milliseconds cap{3'600'000};

    /// `min(cap, base · 2^(attempt−1))`, of which the upper half is random: "equal jitter" (M. Brooker, "Exponential
    /// Backoff And Jitter", AWS Architecture Blog 2015) keeps a floor and still spreads a crowd.
    /// @param attempt  the attempt that failed, from 1
    [[nodiscard]] milliseconds backoff(int attempt, Random& random) const;
};

}  // namespace oiab::core

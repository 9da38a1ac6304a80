#include "core/retry_policy.hpp"

#include <algorithm>

namespace oiab::core {

milliseconds RetryPolicy::backoff(int attempt, Random& random) const {
    milliseconds full = std::min(base, cap);
    // Doubling in a loop that stops at the cap cannot overflow, whatever max_attempts somebody has chosen.
    for (int i = 1; i < attempt && full < cap; ++i) full = full > cap / 2 ? cap : full * 2;
    const auto half = full / 2;
    return half +
           milliseconds{static_cast<milliseconds::rep>(random.uniform() * static_cast<double>((full - half).count()))};
}

}  // namespace oiab::core

#pragma once
/// @file  Randomness as a dependency, so that jitter is reproducible in tests. Not for secrets. Thread-safe.

#include <mutex>
#include <random>

namespace oiab::core {

class Random {
public:
    virtual ~Random() = default;
    /// Uniform in [0, 1).
    [[nodiscard]] virtual double uniform() = 0;
};

/// Seeded from the system once, or with a given seed that the caller prints.
class SystemRandom final : public Random {
public:
    SystemRandom() : engine_{std::random_device{}()} {}
    explicit SystemRandom(std::uint64_t seed) : engine_{seed} {}

    [[nodiscard]] double uniform() override {
        const std::scoped_lock lock{mutex_};
        return std::uniform_real_distribution<double>{0.0, 1.0}(engine_);
    }

private:
    std::mutex mutex_;
    std::mt19937_64 engine_;
};

}  // namespace oiab::core

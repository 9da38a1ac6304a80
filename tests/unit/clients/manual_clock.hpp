#pragma once
/// @file  A clock that stands still until a test moves it. Any thread.

#include <atomic>

#include "core/clock.hpp"

namespace oiab::tests {

class ManualClock final : public core::Clock {
public:
    void advance(std::chrono::milliseconds by) noexcept { passed_ms_ += by.count(); }
    [[nodiscard]] core::SteadyTime now() const noexcept override {
        return core::SteadyTime{} + std::chrono::hours{1} + std::chrono::milliseconds{passed_ms_.load()};
    }
    [[nodiscard]] core::WallTime wall_now() const noexcept override {
        return core::WallTime{} + std::chrono::hours{1} + std::chrono::milliseconds{passed_ms_.load()};
    }

private:
    std::atomic<std::int64_t> passed_ms_{0};
};

}  // namespace oiab::tests

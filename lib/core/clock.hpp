#pragma once
/// @file  Time as a dependency: services are handed a Clock, so that tests move time by hand. Thread-safe.

#include <chrono>

namespace oiab::core {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Clock {
public:
    virtual ~Clock() = default;
    /// Never goes back; for deadlines, leases and measurements. It does not stop while the machine sleeps only where
    /// the system's steady clock does not.
    [[nodiscard]] virtual SteadyTime now() const noexcept = 0;
    /// For display and for values handed to people. What is due or expired is decided by the database's clock alone.
    [[nodiscard]] virtual WallTime wall_now() const noexcept = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] SteadyTime now() const noexcept override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] WallTime wall_now() const noexcept override {
        return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
};

}  // namespace oiab::core

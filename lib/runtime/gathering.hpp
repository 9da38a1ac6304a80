#pragma once
/// @file  When a claim waits for more room. While more is due than there is room for, a claim for one slot costs nearly
/// what one for thirty does. For the Claimer's thread.

#include <chrono>
#include <cstddef>
#include <optional>

#include "core/clock.hpp"

namespace oiab::runtime {

class Gathering {
public:
    /// A slot stands empty for at most this long.
    static constexpr std::chrono::milliseconds kLongest{10};
    /// Of the slots, which are enough to claim for. Pools of fewer than twice as many never wait.
    static constexpr std::size_t kPart = 32;

    explicit Gathering(std::size_t slots) noexcept : enough_{slots / kPart} {}

    /// What the last claim said: whether it brought all that there was room for.
    void note(bool backlogged) noexcept { backlogged_ = backlogged; }

    /// @returns until when to wait for more; nullopt to claim now
    [[nodiscard]] std::optional<core::SteadyTime> wait(std::size_t room, core::SteadyTime now) noexcept {
        if (!backlogged_ || room >= enough_ || (until_ && now >= *until_)) {
            until_.reset();
            return std::nullopt;
        }
        if (!until_) until_ = now + kLongest;
        return until_;
    }

private:
    std::size_t enough_;
    bool backlogged_ = false;
    std::optional<core::SteadyTime> until_;
};

}  // namespace oiab::runtime

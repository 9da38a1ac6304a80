#pragma once
/// @file  Lets a service's thread sleep until somebody has work for it or a deadline passes. Thread-safe.

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/deadline.hpp"

namespace oiab::runtime {

/// A ring that comes while nobody waits is kept, so none is lost between a look at the work and the wait.
class Wakeup {
public:
    void ring() {
        {
            const std::scoped_lock lock{mutex_};
            rung_ = true;
        }
        condition_.notify_one();
    }

    /// Blocks the service's thread until rung or until the deadline. @returns whether it was rung.
    bool wait(core::Deadline deadline) {
        std::unique_lock lock{mutex_};
        if (deadline.at() == core::SteadyTime::max()) {
            condition_.wait(lock, [this] { return rung_; });
        } else {
            condition_.wait_until(lock, deadline.at(), [this] { return rung_; });
        }
        return std::exchange(rung_, false);
    }

private:
    std::mutex mutex_;
    std::condition_variable condition_;
    bool rung_ = false;
};

}  // namespace oiab::runtime

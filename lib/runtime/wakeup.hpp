#pragma once
/// @file  Lets a service's thread sleep until somebody has work for it, a descriptor becomes readable or a deadline
/// passes. ring() is thread-safe; one thread waits.

#include "core/deadline.hpp"

namespace oiab::runtime {

/// A ring that comes while nobody waits is kept, so none is lost between a look at the work and the wait.
class Wakeup {
public:
    Wakeup();  ///< @throws std::system_error where the process has no descriptor left
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;
    ~Wakeup();

    void ring() noexcept;

    /// Blocks until rung, until the deadline, or until `descriptor` (-1: none) is readable or broken.
    void wait(core::Deadline deadline, int descriptor = -1);

private:
    int rung_;  // an eventfd: readable once rung
};

}  // namespace oiab::runtime

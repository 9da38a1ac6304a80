#include "runtime/wakeup.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

namespace oiab::runtime {
namespace {

timespec time_left(core::Deadline deadline) {
    const auto left = std::max(deadline.at() - std::chrono::steady_clock::now(), core::SteadyTime::duration::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

}  // namespace

Wakeup::Wakeup() : rung_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (rung_ < 0) throw std::system_error{errno, std::generic_category(), "eventfd for a service"};
}

Wakeup::~Wakeup() { ::close(rung_); }

void Wakeup::ring() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable already.
    [[maybe_unused]] const auto written = ::write(rung_, &one, sizeof one);
}

void Wakeup::wait(core::Deadline deadline, int descriptor) {
    pollfd descriptors[2] = {{rung_, POLLIN, 0}, {descriptor, POLLIN, 0}};
    const bool forever = deadline.at() == core::SteadyTime::max();
    timespec left = time_left(deadline);
    // A signal that interrupts ends the wait early, which no caller minds.
    if (::ppoll(descriptors, 2, forever ? nullptr : &left, nullptr) < 0 && errno != EINTR)
        throw std::system_error{errno, std::generic_category(), "poll of a service"};
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto read = ::read(rung_, &rings, sizeof rings);
}

}  // namespace oiab::runtime

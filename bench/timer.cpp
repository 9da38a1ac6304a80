/// @file  How long a timer of one millisecond takes on this machine when nothing else runs: what handlers that wait for
/// one can be measured against. Prints the mean of a thousand, one after the other, in milliseconds.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>

int main() {
    using Clock = std::chrono::steady_clock;
    constexpr int kTimers = 1000;
    boost::asio::io_context context;
    boost::asio::steady_timer timer{context};
    const auto began = Clock::now();
    for (int i = 0; i < kTimers; ++i) {
        timer.expires_after(std::chrono::milliseconds{1});
        timer.async_wait([](const boost::system::error_code&) {});
        context.run();
        context.restart();
    }
    const std::chrono::duration<double, std::milli> took = Clock::now() - began;
    std::printf("%.4f\n", took.count() / kTimers);
}

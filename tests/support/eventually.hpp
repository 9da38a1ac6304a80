#pragma once
/// @file  Waiting for a condition with a deadline instead of sleeping for a guess. For test threads.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

namespace oiab::tests {

/// Asks `condition()` until it is true; fails the test with `message` once the deadline has passed. The pause between
/// two questions grows from 1 to 20 ms.
template <typename Condition>
void eventually(std::chrono::milliseconds deadline, Condition condition, std::string_view message) {
    using namespace std::chrono_literals;
    const auto end = std::chrono::steady_clock::now() + deadline;
    auto pause = 1ms;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) {
            FAIL("after " << deadline.count() << " ms still not: " << std::string{message});
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, 20ms);
    }
}

}  // namespace oiab::tests

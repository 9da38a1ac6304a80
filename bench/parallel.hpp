#pragma once
/// @file  The threads of a measuring program, each with its own connection.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <vector>

namespace oiab::bench {

/// Runs `body(number)` on `count` threads and waits for them. An error in one ends the program with one line: half a
/// measurement is none.
template <typename Body>
void in_parallel(long count, Body body) {
    std::vector<std::jthread> threads;
    for (long number = 0; number < count; ++number)
        threads.emplace_back([body, number] {
            try {
                body(number);
            } catch (const std::exception& e) {
                std::fprintf(stderr, "connection %ld: %s\n", number, e.what());
                std::_Exit(1);
            }
        });
}

}  // namespace oiab::bench

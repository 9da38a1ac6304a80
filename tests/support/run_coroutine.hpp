#pragma once
/// @file  Runs a coroutine to its end on an io_context of the test. Blocks the calling thread.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace oiab::tests {

/// @returns what the coroutine returned. @throws what it threw.
template <typename T>
T run_coroutine(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> result;
    boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
        failure = error;
        result.emplace(std::move(value));
    });
    context.restart();
    context.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

template <typename T>
T run_coroutine(boost::asio::awaitable<T> work) {
    boost::asio::io_context context;
    return run_coroutine(context, std::move(work));
}

}  // namespace oiab::tests

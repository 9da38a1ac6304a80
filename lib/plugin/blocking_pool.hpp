#pragma once
/// @file  Threads for code that blocks, apart from those that run coroutines. Thread-safe; starts its threads with the
/// first use.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace oiab::plugin {

class BlockingPool {
public:
    /// @param threads  at least 1: how much may block at the same time
    explicit BlockingPool(std::size_t threads) : threads_{threads} {}
    BlockingPool(const BlockingPool&) = delete;
    BlockingPool& operator=(const BlockingPool&) = delete;
    /// Waits for what runs.
    ~BlockingPool() = default;

    /// Runs `work` on a thread of the pool and resumes the caller on its own executor afterwards. A cancellation does
    /// not shorten the wait: `work` may use what the caller owns.
    /// @throws what `work` threw
    [[nodiscard]] boost::asio::awaitable<void> run(std::function<void()> work);

private:
    [[nodiscard]] boost::asio::thread_pool& pool();

    const std::size_t threads_;
    std::once_flag started_;
    std::unique_ptr<boost::asio::thread_pool> pool_;  ///< its destructor joins
};

}  // namespace oiab::plugin

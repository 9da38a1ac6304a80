#include "plugin/blocking_pool.hpp"

namespace oiab::plugin {

namespace asio = boost::asio;

asio::thread_pool& BlockingPool::pool() {
    std::call_once(started_, [this] { pool_ = std::make_unique<asio::thread_pool>(threads_); });
    return *pool_;
}

asio::awaitable<void> BlockingPool::run(std::function<void()> work) {
    auto initiation = [this, work = std::move(work)](auto handler) mutable {
        // Not a work guard: that keeps an untracked copy besides, which may outlive the caller's context.
        auto executor = asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
        auto task = [work = std::move(work), handler = std::move(handler), executor = std::move(executor)]() mutable {
            std::exception_ptr failure;
            try {
                work();
            } catch (...) {  // carried to whoever waits
                failure = std::current_exception();
            }
            asio::post(executor, [handler = std::move(handler), failure]() mutable { std::move(handler)(failure); });
        };
        asio::post(pool(), std::move(task));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(std::move(initiation),
                                                                                           asio::use_awaitable);
}

}  // namespace oiab::plugin

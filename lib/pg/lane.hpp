#pragma once
/// @file  A lane: one thread with one database session, the only place where blocking on the database is allowed.
/// Everything public is thread-safe.

#include <atomic>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <variant>

#include "pg/session.hpp"

namespace oiab::pg {

class Lane {
public:
    using Work = std::move_only_function<void(Session&)>;

    /// Starts the thread; it connects when the first work arrives.
    Lane(std::string name, SessionSettings settings);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    /// Finishes what was posted, then ends the thread. Blocks for that long.
    ~Lane();

    /// Queues the work and returns at once. The work must not let an exception escape: there is nobody to tell.
    void post(Work work);

    /// Runs `body(Session&)` on the lane and resumes the caller on its own executor with the result or the exception.
    /// Not cancellable: a statement that runs is bounded by statement_timeout and by cut_if_overstaying.
    template <typename Body>
    boost::asio::awaitable<std::invoke_result_t<Body, Session&>> run(Body body);

    /// How many pieces of work wait, the running one included.
    [[nodiscard]] std::size_t backlog() const noexcept { return backlog_.load(std::memory_order_relaxed); }

    /// See Session::cut_if_overstaying.
    bool cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
        return session_.cut_if_overstaying(limit);
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    void serve();

    std::string name_;
    Session session_;
    std::mutex mutex_;
    std::condition_variable work_ready_;
    std::deque<Work> work_;
    bool stopping_ = false;
    std::atomic<std::size_t> backlog_{0};
    std::thread thread_;  // last: it uses everything above
};

template <typename Body>
boost::asio::awaitable<std::invoke_result_t<Body, Session&>> Lane::run(Body body) {
    namespace asio = boost::asio;
    using Result = std::invoke_result_t<Body, Session&>;
    using Slot = std::conditional_t<std::is_void_v<Result>, std::monostate, std::optional<Result>>;
    Slot slot{};
    // The handler is resumed by posting to the executor that it belongs to, so the lane's thread runs no coroutine. The
    // slot lives in this frame, which stays suspended until then.
    auto initiate = [this, &slot, &body](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        post([&slot, &body, handler = std::move(handler), work = std::move(work)](Session& session) mutable {
            std::exception_ptr error;
            try {
                if constexpr (std::is_void_v<Result>) {
                    static_cast<void>(slot);
                    body(session);
                } else {
                    slot.emplace(body(session));
                }
            } catch (...) {  // carried to the awaiting coroutine, whatever it is
                error = std::current_exception();
            }
            asio::post(work, [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
        });
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void(std::exception_ptr)>(std::move(initiate),
                                                                                           asio::use_awaitable);
    if constexpr (!std::is_void_v<Result>) co_return std::move(*slot);
}

}  // namespace oiab::pg

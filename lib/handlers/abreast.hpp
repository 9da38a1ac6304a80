#pragma once
/// @file  Work on a list of things, several of them under way at once, which ends as one: with the first failure, once
/// everything that was under way has ended. For handlers whose items are calls that are paid for. One attempt's
/// executor.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <exception>
#include <functional>

namespace oiab::handlers {

class Abreast {
public:
    /// Takes the next thing and does all of it. @returns false where nothing was left
    using Next = std::function<boost::asio::awaitable<bool>()>;

    /// @param lanes  how many things are under way at once, at least one
    explicit Abreast(std::size_t lanes) noexcept : lanes_{lanes} {}
    Abreast(const Abreast&) = delete;
    Abreast& operator=(const Abreast&) = delete;

    /// Each lane calls `next` until it says that nothing is left or a lane has failed; then, when all have come to
    /// their end, the first failure is thrown. The lanes take turns on the caller's executor, which must run one
    /// coroutine at a time (an attempt's does). Cancelling the caller cancels what each lane waits for.
    /// @param next  may outlive no lane: the caller keeps what it refers to until this returns
    boost::asio::awaitable<void> run(Next next);

    /// For a lane that has waited inside of `next`: what it was about to begin is no longer wanted.
    [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }

private:
    boost::asio::awaitable<void> lane();
    boost::asio::awaitable<void> side_by_side(std::size_t lanes);

    const std::size_t lanes_;
    Next next_;
    std::exception_ptr failure_;  ///< the first one
};

}  // namespace oiab::handlers

#pragma once
/// @file  The queue of calls that want to use one provider key: first come, first served, as many at once as the
/// adaptive limit allows. Private to provider_traffic. Thread-safe; a waiting coroutine costs no thread.

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "clients/concurrency_limit.hpp"
#include "core/clock.hpp"
#include "core/deadline.hpp"
#include "core/random.hpp"

namespace oiab::clients {

namespace asio = boost::asio;

class CallQueue : public std::enable_shared_from_this<CallQueue> {
public:
    struct Waiter;

    /// Why a call may not begin.
    struct NotNow {
        enum class Why { kCancelled, kWaitedTooLong, kPaused } why;
        std::chrono::milliseconds come_back_after{0};
    };

    /// The right to make one call. Move-only; leaving it without a word means that the call told nothing.
    class Permit {
    public:
        Permit(std::shared_ptr<CallQueue> queue, ConcurrencyLimit::Epoch epoch) noexcept;
        Permit(Permit&&) noexcept = default;
        Permit& operator=(Permit&&) = delete;
        ~Permit();

        /// Each ends the permit.
        void succeeded();
        void refused(std::optional<std::chrono::milliseconds> retry_after);
        void pause_key(std::chrono::milliseconds wait);

    private:
        friend class CallQueue;
        std::shared_ptr<CallQueue> queue_;
        ConcurrencyLimit::Epoch epoch_;
    };

    enum class Place { kLast, kFirst };

    /// @param clock, random  outlive this object
    CallQueue(const core::Clock& clock, core::Random& random, LimitSettings limit,
              std::chrono::milliseconds longest_pause_waited);
    ~CallQueue();  ///< Asserts that nobody waits.

    /// Waits for a permit until the deadline. A pause that is too long for waiting answers kPaused at once, to those in
    /// the queue, too. The coroutine's cancellation slot ends the wait.
    [[nodiscard]] asio::awaitable<std::expected<Permit, NotNow>> enter(core::Deadline until, Place place);

    struct Look {
        std::size_t running, waiting, limit;
    };
    [[nodiscard]] Look look() const;

private:
    class Stay;

    template <typename Change>
    void end_call(Change change);
    /// Hands out permits as far as the limit goes, and sees that somebody wakes when time alone changes something.
    /// Under the lock.
    void serve_waiting(core::SteadyTime now);
    [[nodiscard]] std::optional<std::chrono::milliseconds> pause_too_long(core::SteadyTime now) const;

    const core::Clock& clock_;
    core::Random& random_;
    const std::chrono::milliseconds longest_pause_waited_;
    mutable std::mutex mutex_;
    ConcurrencyLimit limit_;
    std::list<std::shared_ptr<Waiter>> waiting_;
};

}  // namespace oiab::clients

#include "clients/call_queue.hpp"

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <utility>

namespace oiab::clients {

/// One coroutine in the queue. All of it, the timer too, is touched under the queue's lock only: a steady_timer is not
/// safe for two threads, and whoever hands out permits is on another thread than the coroutine that waits.
struct CallQueue::Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : timer{executor} {}

    void wake() {
        awake = true;
        timer.cancel();
    }

    asio::steady_timer timer;
    core::SteadyTime armed_until{};
    std::optional<ConcurrencyLimit::Epoch> granted;
    bool awake = false;  ///< woken before it went to sleep
    std::optional<std::list<std::shared_ptr<Waiter>>::iterator> place;
};

/// A coroutine's stay in the queue: whichever way it ends, nothing of it is left behind.
class CallQueue::Stay {
public:
    Stay(std::shared_ptr<CallQueue> queue, const asio::any_io_executor& executor, Place place)
        : queue_{std::move(queue)}, waiter_{std::make_shared<Waiter>(executor)} {
        const std::scoped_lock lock{queue_->mutex_};
        auto& list = queue_->waiting_;
        waiter_->place = list.insert(place == Place::kFirst ? list.begin() : list.end(), waiter_);
    }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

    ~Stay() {
        const std::scoped_lock lock{queue_->mutex_};
        if (waiter_->place) queue_->waiting_.erase(*waiter_->place);
        if (waiter_->granted) queue_->limit_.ended();
        queue_->serve_waiting(queue_->clock_.now());
    }

    /// @returns how the stay ends, or nullopt where it must wait on; then the timer is set.
    std::optional<std::expected<Permit, NotNow>> look(core::Deadline until) {
        const std::scoped_lock lock{queue_->mutex_};
        const auto now = queue_->clock_.now();
        queue_->serve_waiting(now);
        if (const auto epoch = std::exchange(waiter_->granted, std::nullopt)) return Permit{queue_, *epoch};
        if (const auto pause = queue_->pause_too_long(now)) {
            return std::unexpected{NotNow{NotNow::Why::kPaused, *pause}};
        }
        if (until.reached(now)) return std::unexpected{NotNow{NotNow::Why::kWaitedTooLong}};
        auto wake_at = until.at();
        if (queue_->waiting_.front() == waiter_)
            wake_at = std::min(wake_at, queue_->limit_.wake_at(now).value_or(wake_at));
        waiter_->armed_until = wake_at;
        waiter_->awake = false;
        // Bounded, since a deadline that is never reached overflows when it is measured from now.
        waiter_->timer.expires_after(std::min<core::SteadyTime::duration>(wake_at - now, std::chrono::hours{1}));
        return std::nullopt;
    }

    asio::awaitable<void> sleep() {
        boost::system::error_code ignored;
        auto token = asio::redirect_error(asio::use_awaitable, ignored);
        auto initiation = [this](auto handler) {
            const std::scoped_lock lock{queue_->mutex_};
            if (waiter_->awake) waiter_->timer.expires_at(asio::steady_timer::time_point::min());
            waiter_->timer.async_wait(std::move(handler));
        };
        co_await asio::async_initiate<decltype(token), void(boost::system::error_code)>(std::move(initiation), token);
    }

private:
    std::shared_ptr<CallQueue> queue_;
    std::shared_ptr<Waiter> waiter_;
};

CallQueue::CallQueue(const core::Clock& clock, core::Random& random, LimitSettings limit,
                     std::chrono::milliseconds longest_pause_waited)
    : clock_{clock}, random_{random}, longest_pause_waited_{longest_pause_waited}, limit_{limit} {}

CallQueue::~CallQueue() { assert(waiting_.empty()); }

asio::awaitable<std::expected<CallQueue::Permit, CallQueue::NotNow>> CallQueue::enter(core::Deadline until,
                                                                                      Place place) {
    Stay stay{shared_from_this(), co_await asio::this_coro::executor, place};
    for (;;) {
        if (auto end = stay.look(until)) co_return std::move(*end);
        co_await stay.sleep();
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) {
            co_return std::unexpected{NotNow{NotNow::Why::kCancelled}};
        }
    }
}

CallQueue::Look CallQueue::look() const {
    const std::scoped_lock lock{mutex_};
    return {limit_.running(), waiting_.size(), limit_.limit()};
}

void CallQueue::serve_waiting(core::SteadyTime now) {
    while (!waiting_.empty()) {
        limit_.tick(now);
        if (!limit_.may_start(now)) break;
        Waiter& next = *waiting_.front();
        next.granted = limit_.started(now);
        next.place.reset();
        next.wake();
        // The stay holds the waiter, too, and cannot end before the lock is free.
        waiting_.pop_front();
    }
    if (waiting_.empty()) return;
    if (pause_too_long(now)) {
        for (const auto& waiter : waiting_) waiter->wake();
        return;
    }
    const auto wake_at = limit_.wake_at(now);
    if (wake_at && *wake_at < waiting_.front()->armed_until) waiting_.front()->wake();
}

std::optional<std::chrono::milliseconds> CallQueue::pause_too_long(core::SteadyTime now) const {
    const auto pause = limit_.paused_until() - now;
    if (limit_.paused_until() <= now || pause <= longest_pause_waited_) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(pause);
}

template <typename Change>
void CallQueue::end_call(Change change) {
    const std::scoped_lock lock{mutex_};
    const auto now = clock_.now();
    change(limit_, now);
    serve_waiting(now);
}

CallQueue::Permit::Permit(std::shared_ptr<CallQueue> queue, ConcurrencyLimit::Epoch epoch) noexcept
    : queue_{std::move(queue)}, epoch_{epoch} {}

CallQueue::Permit::~Permit() {
    if (queue_) queue_->end_call([](ConcurrencyLimit& limit, core::SteadyTime) { limit.ended(); });
}

void CallQueue::Permit::succeeded() {
    const auto queue = std::exchange(queue_, nullptr);
    queue->end_call([this](ConcurrencyLimit& limit, core::SteadyTime) { limit.succeeded(epoch_); });
}

void CallQueue::Permit::refused(std::optional<std::chrono::milliseconds> retry_after) {
    const auto queue = std::exchange(queue_, nullptr);
    queue->end_call([&](ConcurrencyLimit& limit, core::SteadyTime now) {
        limit.refused(epoch_, now, retry_after, queue->random_);
    });
}

void CallQueue::Permit::pause_key(std::chrono::milliseconds wait) {
    const auto queue = std::exchange(queue_, nullptr);
    queue->end_call([wait](ConcurrencyLimit& limit, core::SteadyTime now) {
        limit.ended();
        limit.pause(now, wait);
    });
}

}  // namespace oiab::clients

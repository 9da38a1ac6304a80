#include "pg/lane.hpp"

#include <pthread.h>
#include <sys/socket.h>

namespace oiab::pg {
namespace {

std::int64_t steady_now() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Lane::Lane(std::string name, SessionSettings settings)
    : name_{std::move(name)}, session_{std::move(settings)}, thread_{[this] { serve(); }} {
    // The kernel keeps 15 characters of a thread's name; top -H and gdb show it.
    pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

Lane::~Lane() {
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    work_ready_.notify_one();
    thread_.join();
}

void Lane::post(Work work) {
    {
        const std::scoped_lock lock{mutex_};
        work_.push_back(std::move(work));
        backlog_.fetch_add(1, std::memory_order_relaxed);
    }
    work_ready_.notify_one();
}

void Lane::serve() {
    std::unique_lock lock{mutex_};
    while (true) {
        work_ready_.wait(lock, [this] { return stopping_ || !work_.empty(); });
        if (work_.empty()) return;
        {
            auto work = std::move(work_.front());
            work_.pop_front();
            lock.unlock();
            busy_since_.store(steady_now(), std::memory_order_relaxed);
            work(session_);
            busy_since_.store(0, std::memory_order_relaxed);
        }  // the work's captures die before the lock is taken: they may post again
        backlog_.fetch_sub(1, std::memory_order_relaxed);
        lock.lock();
    }
}

bool Lane::cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
    const auto since = busy_since_.load(std::memory_order_relaxed);
    if (since == 0 || steady_now() - since < std::chrono::nanoseconds{limit}.count()) return false;
    const int descriptor = session_.descriptor();
    return descriptor >= 0 && ::shutdown(descriptor, SHUT_RDWR) == 0;
}

}  // namespace oiab::pg

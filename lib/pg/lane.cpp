#include "pg/lane.hpp"

#include <pthread.h>

namespace oiab::pg {
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
            work(session_);
        }  // the work's captures die before the lock is taken: they may post again
        backlog_.fetch_sub(1, std::memory_order_relaxed);
        lock.lock();
    }
}

}  // namespace oiab::pg

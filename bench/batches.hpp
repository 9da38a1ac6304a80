#pragma once
/// @file  Claimed batches on their way from the connection that claims to the one that settles.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace oiab::bench {

/// Thread-safe; putting blocks while kBacklog batches wait, taking while none does.
class Batches {
public:
    static constexpr std::size_t kBacklog = 3;
    struct Batch {
        std::string ids;    ///< an array's text, as the settle takes it; empty: nothing comes after it
        std::string epoch;  ///< of all its jobs: fresh ones all have the first
    };

    void put(Batch batch) {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return batches_.size() < kBacklog; });
        batches_.push_back(std::move(batch));
        changed_.notify_all();
    }
    Batch take() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return !batches_.empty(); });
        auto batch = std::move(batches_.front());
        batches_.pop_front();
        changed_.notify_all();
        return batch;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Batch> batches_;
};

}  // namespace oiab::bench

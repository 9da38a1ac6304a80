#pragma once
/// @file  One transaction for several callers: what they would each commit by themselves is committed together, and
/// rows that they add to the same statement are written by one. For LaneGroup. Thread-safe.

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "pg/lane.hpp"
#include "pg/transaction.hpp"

namespace oiab::pg {

class SharedTransactions {
public:
    /// What a transaction takes at most: locks are held until all of it is written.
    static constexpr std::size_t kMost = 32;

    struct Part {
        std::function<void(Transaction&)>
            body;  ///< runs again, alone, where the shared transaction did not come through
        std::move_only_function<void(std::exception_ptr)>
            done;  ///< called once, when `body` is committed or has failed
    };

    /// @param lanes  how many lanes write at once; the others stay free for what is not shared
    explicit SharedTransactions(std::size_t lanes) noexcept : most_lanes_{lanes} {}

    /// Queues the part. @returns whether the caller has to post serve() to a lane.
    [[nodiscard]] bool add(Part part);
    /// Takes parts until none wait; between two transactions the lane serves what else was posted to it. The lane's
    /// thread.
    void serve(Lane& lane, Session& session);

private:
    [[nodiscard]] std::vector<Part> take();

    const std::size_t most_lanes_;
    std::mutex mutex_;
    std::deque<Part> waiting_;
    std::size_t serving_ = 0;
};

}  // namespace oiab::pg

#pragma once
/// @file  One transaction for several callers: what they would each commit by themselves is committed together, and
/// rows that they add to the same statement are written by one. For LaneGroup. Thread-safe.

#include <array>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "pg/lane.hpp"
#include "pg/transaction.hpp"

namespace oiab::pg {

/// Where in its caller's work a part stands. Of those that wait, the ones whose caller has least left to do here before
/// it waits for something else go first: while a thousand wait for their models, the database has the next ones to
/// serve, rather than to take all of them through one stage and then all of them through the next.
enum class Stage { kUnderWay, kBeginning, kEnding };

/// What a part has to ask, told before any part's body runs: the first of each part, then the second of each, which may
/// use the answers to the first. See Transaction::announce.
using Announcements = std::vector<std::function<void(Transaction&)>>;

class SharedTransactions {
public:
    /// What a transaction takes at most: locks are held until all of it is written.
    static constexpr std::size_t kMost = 32;
    /// Every so many transactions another stage than the first comes first, so that none waits forever.
    static constexpr std::size_t kOutOfOrder = 4;

    struct Part {
        Stage stage = Stage::kBeginning;
        Announcements announcements;
        std::function<void(Transaction&)>
            body;  ///< runs again, alone, where the shared transaction did not come through
        std::move_only_function<void(std::exception_ptr)>
            done;  ///< called once, when `body` is committed or has failed
    };

    /// @param lanes  how many lanes serve at once; the others stay free for what is not shared
    explicit SharedTransactions(std::size_t lanes) noexcept : most_lanes_{lanes} {}

    /// Queues the part. @returns the lane to which the caller has to post serve(), or nullptr: the one of `lanes` that
    /// has least to do beside those that serve already, which would only serve twice.
    [[nodiscard]] Lane* add(Part part, std::span<const std::unique_ptr<Lane>> lanes);
    /// Takes parts until none wait; between two transactions the lane serves what else was posted to it. The lane's
    /// thread.
    void serve(Lane& lane, Session& session);

private:
    /// @param lane  stops serving where nothing waits
    [[nodiscard]] std::vector<Part> take(const Lane& lane);

    const std::size_t most_lanes_;
    std::mutex mutex_;
    std::array<std::deque<Part>, 3> waiting_;  ///< by stage, each in the order of arrival
    std::vector<const Lane*> serving_;
    std::size_t taken_ = 0;
};

}  // namespace oiab::pg

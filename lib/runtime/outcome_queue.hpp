#pragma once
/// @file  Finished attempts on their way to the database, shared by the two threads that write them. Thread-safe.

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "core/deadline.hpp"
#include "core/outcome.hpp"
#include "runtime/attempt_table.hpp"

namespace oiab::runtime {

struct FinishedAttempt {
    AttemptPtr attempt;
    core::Outcome outcome;
};

/// The first writer takes whatever there is. The second one takes full batches only, and only while the first is
/// writing: it costs nothing until outcomes come faster than one session can write them.
class OutcomeQueue {
public:
    enum class Writer : std::size_t { kFirst, kSecond };
    /// Who has to be woken for what just happened.
    struct Calls {
        bool first = false;
        bool second = false;
    };

    /// `more_soon`: whether more outcomes are a matter of microseconds. Any thread; must not block.
    OutcomeQueue(std::size_t max_batch, std::function<bool()> more_soon)
        : max_batch_{max_batch}, more_soon_{std::move(more_soon)} {}

    [[nodiscard]] Calls add(FinishedAttempt finished);
    struct Taken {
        std::vector<FinishedAttempt> batch;  ///< empty: the writer will be called
        Calls calls;
    };
    /// Takes a batch. A writer gives back what it took before it takes again.
    [[nodiscard]] Taken take(Writer writer);
    /// Whether the second writer would get a batch now; if not, it will be called.
    [[nodiscard]] bool needs_second();
    /// What was taken is committed, but for `again`, which comes next.
    [[nodiscard]] Calls give_back(Writer writer, std::vector<FinishedAttempt> again);

    /// For the first writer: whether to wait for a batch to fill; it will be called then. @returns false: not now
    [[nodiscard]] bool begin_gathering();
    void end_gathering();

    /// Outcomes that are not committed yet.
    [[nodiscard]] std::size_t size() const;
    /// Blocks until there are none, or the deadline. @returns how many are left
    [[nodiscard]] std::size_t wait_until_empty(core::Deadline deadline);

private:
    [[nodiscard]] bool second_may_help() const noexcept { return is_full() && in_hand_[0] > 0; }
    [[nodiscard]] bool is_full() const noexcept { return waiting_.size() >= max_batch_; }
    [[nodiscard]] std::size_t& in_hand(Writer writer) noexcept { return in_hand_.at(static_cast<std::size_t>(writer)); }
    [[nodiscard]] std::size_t uncommitted() const noexcept { return waiting_.size() + in_hand_[0] + in_hand_[1]; }

    const std::size_t max_batch_;
    const std::function<bool()> more_soon_;
    mutable std::mutex mutex_;
    std::condition_variable empty_;
    std::deque<FinishedAttempt> waiting_;
    std::array<std::size_t, 2> in_hand_{};
    std::array<bool, 2> asleep_{};
    bool gathering_ = false;
};

}  // namespace oiab::runtime

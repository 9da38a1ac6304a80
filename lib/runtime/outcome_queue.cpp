#include "runtime/outcome_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/live_attempt.hpp"

namespace oiab::runtime {

OutcomeQueue::Calls OutcomeQueue::add(FinishedAttempt finished) {
    const std::scoped_lock lock{mutex_};
    waiting_.push_back(std::move(finished));
    Calls calls{.first = std::exchange(asleep_[0], false)};
    if (gathering_ && (is_full() || !more_soon_())) {
        gathering_ = false;
        calls.first = true;
    }
    if (second_may_help()) calls.second = std::exchange(asleep_[1], false);
    return calls;
}

OutcomeQueue::Taken OutcomeQueue::take(Writer writer) {
    const std::scoped_lock lock{mutex_};
    auto count = std::min(waiting_.size(), max_batch_);
    if (writer == Writer::kSecond && !second_may_help()) count = 0;
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    Taken taken{.batch{std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end)}, .calls{}};
    waiting_.erase(waiting_.begin(), end);
    in_hand(writer) = count;
    asleep_.at(static_cast<std::size_t>(writer)) = count == 0;
    if (second_may_help()) taken.calls.second = std::exchange(asleep_[1], false);
    return taken;
}

bool OutcomeQueue::needs_second() {
    const std::scoped_lock lock{mutex_};
    asleep_[1] = !second_may_help();
    return !asleep_[1];
}

OutcomeQueue::Calls OutcomeQueue::give_back(Writer writer, std::vector<FinishedAttempt> again) {
    const std::scoped_lock lock{mutex_};
    in_hand(writer) = 0;
    waiting_.insert(waiting_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
    if (uncommitted() == 0) empty_.notify_all();
    return {.first = !again.empty() && std::exchange(asleep_[0], false)};
}

bool OutcomeQueue::begin_gathering() {
    const std::scoped_lock lock{mutex_};
    gathering_ = !waiting_.empty() && !is_full() && more_soon_();
    return gathering_;
}

void OutcomeQueue::end_gathering() {
    const std::scoped_lock lock{mutex_};
    gathering_ = false;
}

std::size_t OutcomeQueue::size() const {
    const std::scoped_lock lock{mutex_};
    return uncommitted();
}

std::size_t OutcomeQueue::wait_until_empty(core::Deadline deadline) {
    std::unique_lock lock{mutex_};
    empty_.wait_until(lock, deadline.at(), [this] { return uncommitted() == 0; });
    return uncommitted();
}

}  // namespace oiab::runtime

#include "runtime/attempt_table.hpp"

#include "runtime/live_attempt.hpp"

namespace oiab::runtime {

void AttemptTable::add(std::span<const AttemptPtr> attempts) {
    std::vector<AttemptPtr> displaced;  // cancelled after the lock is released
    {
        const std::scoped_lock lock{mutex_};
        for (const auto& attempt : attempts) {
            auto& place = attempts_[attempt->job().id];
            if (place) displaced.push_back(std::move(place));
            place = attempt;
        }
    }
    for (const auto& attempt : displaced) attempt->request_cancel(core::CancelReason::kLeaseLost);
}

void AttemptTable::remove(std::span<const core::AttemptKey> keys) {
    // A job may have been claimed again by this process before its former attempt is removed: the epoch tells them
    // apart.
    std::vector<AttemptPtr> removed;  // destroyed after the lock is released
    removed.reserve(keys.size());
    const std::scoped_lock lock{mutex_};
    for (const auto& key : keys) {
        const auto found = attempts_.find(key.id);
        if (found == attempts_.end() || found->second->job().lease_epoch != key.epoch) continue;
        removed.push_back(std::move(found->second));
        attempts_.erase(found);
    }
}

AttemptPtr AttemptTable::find(core::JobId id) const {
    const std::scoped_lock lock{mutex_};
    const auto found = attempts_.find(id);
    return found == attempts_.end() ? nullptr : found->second;
}

std::vector<AttemptPtr> AttemptTable::all() const {
    const std::scoped_lock lock{mutex_};
    std::vector<AttemptPtr> attempts;
    attempts.reserve(attempts_.size());
    for (const auto& [id, attempt] : attempts_) attempts.push_back(attempt);
    return attempts;
}

std::size_t AttemptTable::size() const {
    const std::scoped_lock lock{mutex_};
    return attempts_.size();
}

}  // namespace oiab::runtime

#pragma once
/// @file  Results of steps that wait to be written with the next record of their attempt. Thread-safe.

#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pg/transaction.hpp"

namespace oiab::runtime {

struct UnsettledStep {
    std::string name;
    std::string result;  ///< JSON text
    std::function<void(pg::Transaction&)> keep;
};

class UnsettledSteps {
public:
    void add(UnsettledStep step) {
        const std::scoped_lock lock{mutex_};
        steps_.push_back(std::move(step));
    }
    [[nodiscard]] bool empty() const {
        const std::scoped_lock lock{mutex_};
        return steps_.empty();
    }

    /// What one transaction takes upon itself to write. Steps that it does not confirm go back.
    class Batch {
    public:
        explicit Batch(UnsettledSteps& owner) : owner_{owner} {
            const std::scoped_lock lock{owner_.mutex_};
            steps_.swap(owner_.steps_);
        }
        Batch(const Batch&) = delete;
        Batch& operator=(const Batch&) = delete;
        ~Batch() {
            if (steps_.empty()) return;
            const std::scoped_lock lock{owner_.mutex_};
            owner_.steps_.insert(owner_.steps_.begin(), std::make_move_iterator(steps_.begin()),
                                 std::make_move_iterator(steps_.end()));
        }
        [[nodiscard]] const std::vector<UnsettledStep>& steps() const noexcept { return steps_; }
        /// They are committed.
        void confirm() noexcept { steps_.clear(); }

    private:
        UnsettledSteps& owner_;
        std::vector<UnsettledStep> steps_;
    };

private:
    mutable std::mutex mutex_;
    std::vector<UnsettledStep> steps_;
};

}  // namespace oiab::runtime

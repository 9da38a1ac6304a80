#pragma once
/// @file  Lanes of which somebody said that they may have changed, each once, the first one first. For the Claimer,
/// under its mutex.

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

namespace oiab::runtime {

class LaneHints {
public:
    void add(std::string lane) {
        if (known_.insert(lane).second) order_.push_back(std::move(lane));
    }

    /// At most so many, which are forgotten.
    [[nodiscard]] std::vector<std::string> take(std::size_t most) {
        std::vector<std::string> taken;
        for (std::size_t left = std::min(most, order_.size()); left > 0; --left) {
            known_.erase(order_.front());
            taken.push_back(std::move(order_.front()));
            order_.pop_front();
        }
        return taken;
    }

    [[nodiscard]] bool empty() const noexcept { return order_.empty(); }

private:
    std::deque<std::string> order_;
    std::unordered_set<std::string> known_;
};

}  // namespace oiab::runtime

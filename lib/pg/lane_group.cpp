#include "pg/lane_group.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oiab::pg {

LaneGroup::LaneGroup(std::string_view name, std::size_t lanes, const SessionSettings& settings) {
    lanes_.reserve(lanes);
    for (std::size_t i = 0; i < lanes; ++i)
        lanes_.push_back(std::make_unique<Lane>(fmt::format("{}-{}", name, i), settings));
}

Lane& LaneGroup::least_busy() noexcept {
    return **std::ranges::min_element(lanes_, {}, [](const auto& lane) { return lane->backlog(); });
}

}  // namespace oiab::pg

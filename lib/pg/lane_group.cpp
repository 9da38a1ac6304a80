#include "pg/lane_group.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oiab::pg {

LaneGroup::LaneGroup(std::string_view name, std::size_t lanes, const SessionSettings& settings)
    : shared_{std::max<std::size_t>(lanes / 2, 1)} {
    lanes_.reserve(lanes);
    for (std::size_t i = 0; i < lanes; ++i)
        lanes_.push_back(std::make_unique<Lane>(fmt::format("{}-{}", name, i), settings));
}

Lane& LaneGroup::least_busy() noexcept {
    return **std::ranges::min_element(lanes_, {}, [](const auto& lane) { return lane->backlog(); });
}

void LaneGroup::share(SharedTransactions::Part part) {
    Lane* lane = shared_.add(std::move(part), lanes_);
    if (lane) lane->post([this, lane](Session& session) { shared_.serve(*lane, session); });
}

}  // namespace oiab::pg

#pragma once
/// @file  Serial lanes: letting the next job of a lane run. For the Settler's commits, the Listener and the poll.
/// Lane threads only; blocks.

#include <span>
#include <string>

#include "pg/session.hpp"

namespace oiab::queue {

/// Lets the next job of each lane run, where none is ready or running. Call after the commit that finished or inserted
/// a row. Its own transactions, small ones. @returns how many rows became ready.
int advance_lanes(pg::Session& session, std::span<const std::string> lanes);

struct LaneSweep {
    int advanced = 0;
    std::string next;  ///< where the next sweep goes on; empty after the last lane
};

/// The guarantee behind the notifications: looks at up to `max_lanes` lanes that have waiting rows, from `after` on
/// (empty at the start), and advances those that nobody holds.
[[nodiscard]] LaneSweep sweep_lanes(pg::Session& session, const std::string& after, int max_lanes = 1'000);

/// Whether there is anything to sweep, for who looks once: cheaper than a sweep that finds nothing, which makes a new
/// backend load plpgsql.
[[nodiscard]] bool any_lane_waits(pg::Session& session);

}  // namespace oiab::queue

#pragma once
/// @file  Where a claim looks for due rows, as parameters of its statement. Private to the queue layer; pure, any
/// thread.

#include <span>
#include <string>

#include "queue/claim.hpp"

namespace oiab::queue {

/// Arrays of one length: a kind without marks has one range, which is all of it; each mark of a kind cuts away what
/// comes before it in its own priority, and nothing else.
struct ClaimRanges {
    std::string kinds;
    std::string priorities, run_ats, ids;  ///< the first row
    std::string last_priorities;
};

[[nodiscard]] ClaimRanges claim_ranges(std::span<const std::string> kinds, std::span<const LowWater> marks);

}  // namespace oiab::queue

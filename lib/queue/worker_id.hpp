#pragma once
/// @file  Who holds a claim, as jobs.locked_by shows it. A value; any thread.

#include <string>

#include "core/job.hpp"

namespace oiab::queue {

/// Host, pid and a random part that is new at every start, so that a restarted worker never passes for the one before.
struct WorkerId {
    std::string value;
    auto operator<=>(const WorkerId&) const = default;
};

/// The guard that every write of an attempt carries: the row must be running, in this epoch, locked by this worker.
/// (A rescue leaves the epoch as it is, so the epoch alone would let a stale write match the pending row.)
struct Guard {
    const WorkerId& worker;
    core::AttemptKey key;
};

}  // namespace oiab::queue

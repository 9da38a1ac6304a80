#pragma once
/// @file  Taking jobs back from workers that are gone. For the Janitor. Lane threads only; blocks.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "core/status.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace oiab::queue {

struct RescueSettings {
    /// For rows that a worker without leases claimed: rescued so long after locked_at; zero for never.
    std::chrono::milliseconds legacy_lock_timeout{3'600'000};
    int page_size = 1'000;
    int max_crashes = 3;
};

/// Where a walk through the unfinished rows' index goes on: the last entry seen.
struct RescueCursor {
    std::string kind;
    int priority = -32'768;
    std::string run_at = "-infinity";
    core::JobId id;
};

struct Rescued {
    core::JobId id;
    std::string kind;
    std::string worker;  ///< who held it
    core::LeaseEpoch epoch;
    int crash_count = 0;  ///< after this rescue
    core::Status status = core::Status::kPending;
    std::optional<core::FailureReason> reason;  ///< where failed
    std::string serial_key;                     ///< of a keyed job that failed: hand it to advance_lanes
};

struct RescuePage {
    std::vector<Rescued> rescued;
    std::optional<RescueCursor> next;  ///< nullopt at the end of the index
};

/// Looks at one page of unfinished rows and takes back those whose lease has lapsed. Future rows are passed over.
/// Rows that somebody holds are left for the next walk. Its own transactions.
[[nodiscard]] RescuePage rescue(pg::Session& session, const RescueSettings& settings, const RescueCursor& from);

/// How long the server has been up. A lease that lapsed while it was down could not be renewed by anybody.
[[nodiscard]] std::chrono::milliseconds server_uptime(pg::Transaction& tx);

}  // namespace oiab::queue

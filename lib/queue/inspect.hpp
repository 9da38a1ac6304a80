#pragma once
/// @file  Looking at jobs: list, show, and why one is not running. For commands. Lane threads only; the loads block.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "core/status.hpp"
#include "pg/transaction.hpp"

namespace oiab::queue {

struct JobFilter {
    std::optional<core::Status> status;
    std::optional<std::string> kind;
    std::optional<core::TenantId> tenant_id;
    std::optional<core::JobId> before;  ///< keyset: ids below this one
    int limit = 50;
};

/// One row as an operator sees it. Times are the server's text in UTC; JSON columns are text.
struct JobView {
    core::JobId id;
    std::string kind;
    core::Status status = core::Status::kPending;
    int priority = 0;
    int attempts = 0;
    int max_attempts = 0;
    int crash_count = 0;
    std::int64_t lease_epoch = 0;
    bool lane_ready = true;
    bool cancel_requested = false;
    std::string run_at;
    std::string created_at;
    std::optional<std::string> started_at, finished_at, locked_at, lease_until;
    std::optional<std::string> locked_by, dedupe_key, serial_key, tenant_id, user_id;
    std::optional<std::string> last_error, failure_reason;
    std::optional<int> timeout_seconds;
    /// Only in load_job; a list leaves them empty.
    std::optional<std::string> payload, result, progress, attempt_errors;
};

struct StepView {
    std::string name;
    std::string status;  ///< intended, done, failed, unknown
    int attempt = 0;
    std::string started_at;
    std::optional<std::string> finished_at, result, error;
};

/// Newest first.
[[nodiscard]] std::vector<JobView> list_jobs(pg::Transaction& tx, const JobFilter& filter);
[[nodiscard]] std::optional<JobView> load_job(pg::Transaction& tx, core::JobId id);
[[nodiscard]] std::vector<StepView> load_step_views(pg::Transaction& tx, core::JobId id);

struct LaneJob {
    core::JobId id;
    std::string kind;
};
/// The unfinished jobs with this serial key in their order, at most 100.
[[nodiscard]] std::vector<LaneJob> load_open_jobs_of_lane(pg::Transaction& tx, const std::string& serial_key);

/// What stands between a job and its start.
struct WhyFacts {
    core::Status status = core::Status::kPending;
    std::string kind;
    std::string run_at;
    bool is_due = false;
    std::chrono::seconds due_in{};
    std::optional<std::string> failure_reason, last_error, finished_at, locked_by, tenant_id;
    int attempts = 0, max_attempts = 0;
    bool cancel_requested = false;
    bool lease_lapsed = false;
    bool all_paused = false, kind_paused = false, tenant_paused = false;
    std::optional<std::string> serial_key;
    bool lane_ready = true;
    std::optional<std::string> lane_head_id, lane_head_status;  ///< who holds the lane, where that is another job
    std::int64_t ahead_in_lane = 0;                             ///< at most 1000 are counted
    int workers = 0;                                            ///< alive
    int workers_with_kind = 0;
    int free_slots = 0;  ///< over the workers that have the kind
};
[[nodiscard]] std::optional<WhyFacts> load_why(pg::Transaction& tx, core::JobId id);
/// One sentence that says why the job is not running (or that it is, or is final).
[[nodiscard]] std::string render_why(const WhyFacts& facts);

}  // namespace oiab::queue

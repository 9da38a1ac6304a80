#pragma once
/// @file  What an operator does to single jobs, and the removal of old ones. For commands and the Janitor.
/// Lane threads only; blocks.

#include <chrono>
#include <optional>
#include <string>

#include "core/job.hpp"
#include "pg/transaction.hpp"

namespace oiab::queue {

enum class RetryAnswer {
    kPending,  ///< in the queue again, due now
    kNotFound,
    kNotRetryable,  ///< running or completed
    kSuperseded,    ///< a newer pending job has the same dedupe key: it is left as it is
    kHeld,          ///< another session holds the row or its dedupe key: try again
};
struct RetryResult {
    RetryAnswer answer = RetryAnswer::kNotFound;
    std::optional<core::JobId> superseded_by{};
    std::string serial_key{};  ///< of a keyed job that is pending now: hand it to advance_lanes
};
/// pending or failed → pending, due now: attempts 0, crash count, cancellation and failure reason cleared. Done steps
/// stay, failed ones are cleared. Its own transaction.
[[nodiscard]] RetryResult retry_job(pg::Session& session, core::JobId id);

enum class CancelAnswer {
    kCancelled,  ///< was pending, is failed(cancelled)
    kRequested,  ///< is running: its worker was told and has `cancel_grace`
    kFinal,      ///< nothing to cancel
    kNotFound,
};
struct CancelResult {
    CancelAnswer answer = CancelAnswer::kNotFound;
    std::string serial_key{};  ///< of a keyed job that is final now: hand it to advance_lanes
};
/// Waits for a claim or settle that is under way. Notifies `oiab_control` with `cancel <id>` for a running job.
[[nodiscard]] CancelResult cancel_job(pg::Transaction& tx, core::JobId id);

enum class DeleteAnswer { kDeleted, kRunning, kNotFound };
/// Deletes a job that is not running, with its steps.
[[nodiscard]] DeleteAnswer delete_job(pg::Transaction& tx, core::JobId id);

/// Walks through the jobs by id; ids are time-ordered, so a walk ends where jobs are younger than the retention.
struct PurgeCursor {
    core::JobId after;
};
struct PurgePage {
    int deleted = 0;
    std::optional<PurgeCursor> next{};  ///< nullopt at the end of the walk
};
/// Deletes, of the next `page_size` jobs, those that finished longer than `retention` ago, with their steps. Skips rows
/// that somebody holds. With `whole_table` the walk does not end at the retention's age: for ids that are not UUIDv7.
[[nodiscard]] PurgePage purge(pg::Transaction& tx, std::chrono::seconds retention, const PurgeCursor& from,
                              int page_size = 1'000, bool whole_table = false);

/// Walks through the steps by job and name.
struct StepCursor {
    core::JobId job;
    std::string name;
};
struct StepsPage {
    int deleted = 0;
    std::optional<StepCursor> next{};  ///< nullopt at the end of the walk
};
/// Deletes, of the next `page_size` steps, those whose job other clients deleted.
[[nodiscard]] StepsPage purge_orphan_steps(pg::Transaction& tx, const StepCursor& from, int page_size = 1'000);

}  // namespace oiab::queue

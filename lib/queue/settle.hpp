#pragma once
/// @file  Writing what became of attempts. For the Settler and for atomic completion. Lane threads only; blocks.

#include <span>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "core/outcome.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

/// One finished attempt. A Retry must carry `after` (the caller knows the kind's backoff). AlreadySettled and Abandoned
/// need no settling and are answered without a write.
struct Settlement {
    core::AttemptKey key;
    core::Outcome outcome;
    /// False for a job that is in no lane: where it completed without a result the server then has nothing to answer.
    bool keyed = true;
    /// False for an attempt that was its job's first and recorded no steps: where the job is deleted nothing else is.
    bool stepped = true;
};

enum class SettleState {
    kCompleted,
    kPending,  ///< back in the queue: retry, snooze or release
    kFailed,   ///< for good: as asked, attempts exhausted, cancelled, superseded, or data that the server refused
    kHeld,     ///< another session holds the row, or a producer its dedupe key: settle it again
    kLost,     ///< no longer ours: nothing was written
};

struct Settled {
    core::AttemptKey key;
    SettleState state = SettleState::kLost;
    core::FailureReason reason = core::FailureReason::kError;  ///< where kFailed
    std::string error{};                                       ///< where kFailed
    std::string serial_key{};  ///< of a keyed job that is final now: hand it to advance_lanes; empty otherwise
};

/// Settles a batch, in as few statements as it can: attempts in no lane that completed without a result in one, all
/// others in one more for every 32 MB of results and errors, rows with a dedupe key that go back to pending one by one.
/// Its own transactions; a row that the server refuses for its own sake (pg::is_bad_data) fails alone: the batch is
/// halved. Of several attempts of one job only the latest is written, the others are lost.
/// @returns one answer for each settlement, in the same order.
/// @throws pg::DatabaseError. Calling again with the same batch is safe, also in doubt: what was written is recognised.
[[nodiscard]] std::vector<Settled> settle(pg::Session& session, const WorkerId& worker,
                                          std::span<const Settlement> batch);

/// Settles a batch whose finished rows are deleted instead of kept (retention zero): completed ones only, with their
/// steps.
/// @returns as settle.
[[nodiscard]] std::vector<Settled> settle_and_delete(pg::Session& session, const WorkerId& worker,
                                                     std::span<const Settlement> batch);

/// Deletes jobs that these attempts completed in their handlers' own transactions, with their steps: what
/// settle_and_delete is for AlreadySettled(completed). A row that the server refuses to delete (an operator's foreign
/// key) or that somebody holds stays, completed as it is. Its own transactions.
/// @returns how many are gone. @throws pg::DatabaseError. May be called again.
std::size_t delete_completed(pg::Session& session, const WorkerId& worker, std::span<const core::AttemptKey> keys);

/// Atomic completion: completes the attempt in the caller's transaction. `result` is JSON text, empty for none.
/// @returns false where the attempt is no longer ours: the caller must roll back.
[[nodiscard]] bool complete_in(pg::Transaction& tx, const Guard& guard, const std::string& result);

}  // namespace oiab::queue

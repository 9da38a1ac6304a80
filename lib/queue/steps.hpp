#pragma once
/// @file  Durable steps of a job: recorded as intended before they touch the world, settled after. For Attempt::step
/// and `jobs resolve`. Lane threads only; blocks. Every write of an attempt carries its guard.

#include <optional>
#include <string>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

enum class StepStatus { kIntended, kDone, kFailed, kUnknown };

enum class StepBegin {
    kFresh,         ///< recorded as intended now: run it
    kDone,          ///< `result` is what an earlier attempt got
    kUnknown,       ///< an earlier attempt began it and died: verify it, repeat it by restart_step, or fail
    kInputDiffers,  ///< recorded under the same name for another input
    kLost,          ///< the attempt is no longer ours
};
struct BegunStep {
    StepBegin answer = StepBegin::kLost;
    std::string result{};  ///< JSON text, where kDone
};

/// Records the intent, or finds what an earlier attempt recorded. A step that failed before begins afresh; one that an
/// earlier attempt left as intended becomes unknown. `input_hash` identifies the input (64 hex digits of SHA-256).
[[nodiscard]] BegunStep begin_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                                   const std::string& input_hash);

/// Records a step of a first attempt whose work is done in this transaction. `result` is JSON text.
/// @returns false where the attempt is no longer ours.
[[nodiscard]] bool record_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                               const std::string& input_hash, const std::string& result);

/// An unknown step that may be repeated: intended again, by this attempt. @returns false where the attempt is lost or
/// the step is not unknown.
[[nodiscard]] bool restart_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name);

/// Settles an intended or unknown step. `text` is the result's JSON for kDone, the error for kFailed and kUnknown.
/// @returns false where the attempt is no longer ours, or the step is settled already.
[[nodiscard]] bool settle_step(pg::Transaction& tx, const Guard& guard, const std::string& name, StepStatus status,
                               const std::string& text);

enum class ResolveAnswer { kResolved, kNoSuchStep, kNotUnknown, kJobRunning };
/// A person decides about an unknown step of a job that does not run: `done` carries the result's JSON; without it the
/// step is forgotten and will be repeated. The job itself is not touched: retry_job puts it back.
[[nodiscard]] ResolveAnswer resolve_step(pg::Transaction& tx, core::JobId id, const std::string& name,
                                         const std::optional<std::string>& done);

}  // namespace oiab::queue

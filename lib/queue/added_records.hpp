#pragma once
/// @file  Records of attempts that need no answer: added to the transaction, so that one statement writes them for all
/// attempts that share it (see pg::Transaction::add). Each carries its guard. For Attempt. Lane threads only; nothing
/// blocks before they are written.

#include <functional>
#include <string>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

/// Throws; called when the records are written and one of them could not be: the attempt is no longer ours, or what the
/// function says.
using Missing = std::function<void()>;

/// As a guard alone: what the transaction writes commits only while the attempt is ours.
void add_hold(pg::Transaction& tx, const Guard& guard, Missing missing);
/// As begin_step, for a step of which nothing is on record; one that is on record for the same input and lease, left by
/// a transaction in doubt, counts as that. `missing` also for any other one.
void add_begun_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                    const std::string& input_hash, Missing missing);
/// As record_step.
void add_recorded_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                       const std::string& input_hash, const std::string& result, Missing missing);
/// As settle_step with kDone. `missing` also where it is settled already.
void add_done_step(pg::Transaction& tx, const Guard& guard, const std::string& name, const std::string& result,
                   Missing missing);
/// As complete_in. `result` is JSON text.
void add_completion(pg::Transaction& tx, const Guard& guard, const std::string& result, Missing missing);

}  // namespace oiab::queue

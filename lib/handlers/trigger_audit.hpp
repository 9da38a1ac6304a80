#pragma once
/// @file  Entries of the audit log about triggers. Lane threads only; blocks and throws what the transaction does.

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "store/triggers.hpp"

namespace oiab::handlers {

/// A trigger was stopped for a fault of its own.
void audit_stop(pg::Transaction& tx, const store::StoppedTrigger& stopped);

/// A firing enqueued a job. Once for each attempt's job.
void audit_firing(pg::Transaction& tx, const store::TriggerRow& trigger, core::JobId firing, core::JobId enqueued);

}  // namespace oiab::handlers

#pragma once
/// @file  Putting jobs into the queue. For handlers, commands and tests. Lane threads only; blocks.

#include <optional>

#include "core/job.hpp"
#include "oiab/client.hpp"
#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

/// Enqueues, or finds the pending job with the same dedupe key. Waits for a producer that has inserted the key and not
/// yet committed. @throws pg::DatabaseError (is_bad_data() for a payload that is not JSON, an empty kind, …)
[[nodiscard]] core::Enqueued enqueue(pg::Transaction& tx, const core::NewJob& job);

/// Enqueues under the attempt's guard, in the handler's own transaction: a chain never loses a link.
/// @returns nullopt where the attempt is no longer ours: nothing was enqueued, and the caller must roll back.
[[nodiscard]] std::optional<core::Enqueued> enqueue_in(pg::Transaction& tx, const Guard& guard,
                                                       const core::NewJob& job);

/// The job as oiab/client.hpp has it, for batches in `tx.raw()`.
[[nodiscard]] client::NewJob public_form(core::NewJob job);

}  // namespace oiab::queue

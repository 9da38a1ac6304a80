#pragma once
/// @file  What a turn writes and needs no answer about: added to the transaction, so that one statement writes it for
/// all turns that share it (see pg::Transaction::add). Lane threads only; nothing blocks before the rows are written.

#include <span>
#include <string>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "store/audit.hpp"
#include "store/messages.hpp"
#include "store/reservations.hpp"
#include "store/trajectories.hpp"
#include "store/usage.hpp"

namespace oiab::store {

/// As append_messages. A session that is gone is noticed when the rows are written: DatabaseError (kRefused, 23503).
void add_messages(pg::Transaction& tx, const std::string& session_id, std::span<const NewMessage> messages);
/// As append_stream.
void add_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position,
                const std::string& delta);
/// As append_audit.
void add_audit(pg::Transaction& tx, const AuditEntry& entry);
/// As insert_trajectory.
void add_trajectory(pg::Transaction& tx, const NewTrajectory& trajectory);
/// As reserve_usage. Only where no limit is at stake, or the budgets are locked by this transaction.
void add_reservation(pg::Transaction& tx, const Reservation& reservation);
/// As record_usage.
void add_usage(pg::Transaction& tx, const UsageEvent& event);
/// As release_reservation.
void add_release(pg::Transaction& tx, const std::string& request_id, core::LeaseEpoch epoch);

}  // namespace oiab::store

#include "store/additions.hpp"

#include "pg/database_error.hpp"
#include "store/json_rows.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

using nlohmann::json;

void add_messages(pg::Transaction& tx, const std::string& session_id, std::span<const NewMessage> messages) {
    auto missing = [session_id] {
        throw pg::DatabaseError{pg::Trouble::kRefused, "23503", "there is no session " + session_id};
    };
    // Before the messages, by a statement of its own: what they are numbered after is read under the lock.
    tx.add(sql::lock_sessions, rows::dump({{"session_id", session_id}}), std::move(missing));
    for (const auto& message : messages) {
        json row = rows::json_row(message);
        row["session_id"] = session_id;
        tx.add(sql::add_messages, rows::dump(row));
    }
}

void add_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position,
                const std::string& delta) {
    tx.add(sql::add_stream,
           rows::dump(
               {{"session_id", session_id}, {"job_id", job.to_string()}, {"position", position}, {"delta", delta}}));
}

void add_audit(pg::Transaction& tx, const AuditEntry& entry) {
    tx.add(sql::append_audit, rows::dump(rows::json_row(entry)));
}

void add_trajectory(pg::Transaction& tx, const NewTrajectory& trajectory) {
    tx.add(sql::add_trajectories, rows::dump({{"job_id", trajectory.job_id.to_string()},
                                              {"tenant_id", rows::json_of(trajectory.tenant_id)},
                                              {"user_id", rows::json_of(trajectory.user_id)},
                                              {"session_id", trajectory.session_id},
                                              {"tools", json::parse(trajectory.tools)},
                                              {"tools_hash", trajectory.tools_hash},
                                              {"outcome", trajectory.outcome}}));
}

void add_reservation(pg::Transaction& tx, const Reservation& reservation) {
    tx.add(sql::add_reservations, rows::dump({{"request_id", reservation.request_id},
                                              {"job_id", reservation.attempt.id.to_string()},
                                              {"lease_epoch", reservation.attempt.epoch.value},
                                              {"tenant_id", rows::json_of(reservation.tenant_id)},
                                              {"user_id", rows::json_of(reservation.user_id)},
                                              {"session_id", rows::json_or_null(reservation.session_id)},
                                              {"purpose", reservation.purpose},
                                              {"provider", rows::json_or_null(reservation.provider)},
                                              {"model", rows::json_or_null(reservation.model)},
                                              {"input_tokens", reservation.input_tokens},
                                              {"estimate_usd", reservation.estimate_usd},
                                              {"reserved_usd", reservation.reserved_usd}}));
}

void add_usage(pg::Transaction& tx, const UsageEvent& event) {
    tx.add(sql::record_usage, rows::dump(rows::json_row(event)));
}

void add_release(pg::Transaction& tx, const std::string& request_id, core::LeaseEpoch epoch) {
    tx.add(sql::release_reservations, rows::dump({{"request_id", request_id}, {"lease_epoch", epoch.value}}));
}

}  // namespace oiab::store

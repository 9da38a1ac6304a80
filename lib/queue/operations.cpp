#include "queue/operations.hpp"

#include <pqxx/except>
#include <pqxx/params>
#include <pqxx/result>

#include "queue/rows.hpp"
#include "queue/savepoint.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {

RetryResult retry_job(pg::Session& session, core::JobId id) {
    const pqxx::params which{id.to_string()};
    return pg::in_transaction(session, [&](pg::Transaction& tx) -> RetryResult {
        (void)tx.run(sql::set_short_lock_timeout);
        try {
            const auto again =
                in_savepoint(tx, [&](pg::Transaction& inner) { return inner.run(sql::retry_job, which); });
            if (!again.empty()) return {.answer = RetryAnswer::kPending, .serial_key = text_of(again[0][0])};
        } catch (const pqxx::unique_violation&) {
            const auto newer = tx.run(sql::find_pending_by_key, which);
            if (newer.empty()) return {.answer = RetryAnswer::kHeld};
            return {.answer = RetryAnswer::kSuperseded, .superseded_by = job_id_of(newer[0][0])};
        } catch (const pqxx::sql_error& error) {
            if (error.sqlstate() != "55P03" && error.sqlstate() != "40P01") throw;
            return {.answer = RetryAnswer::kHeld};
        }
        const bool exists = !tx.run(sql::find_job_state, which).empty();
        return {.answer = exists ? RetryAnswer::kNotRetryable : RetryAnswer::kNotFound};
    });
}

CancelResult cancel_job(pg::Transaction& tx, core::JobId id) {
    const auto row = tx.run(sql::cancel_job, pqxx::params{id.to_string()}).at(0);
    const auto answer = row[0].view();
    if (answer == "cancelled") return {CancelAnswer::kCancelled, text_of(row[1])};
    if (answer == "requested") return {.answer = CancelAnswer::kRequested};
    if (answer == "final") return {.answer = CancelAnswer::kFinal};
    return {.answer = CancelAnswer::kNotFound};
}

DeleteAnswer delete_job(pg::Transaction& tx, core::JobId id) {
    const pqxx::params which{id.to_string()};
    if (!tx.run(sql::delete_job, which).empty()) return DeleteAnswer::kDeleted;
    return tx.run(sql::find_job_state, which).empty() ? DeleteAnswer::kNotFound : DeleteAnswer::kRunning;
}

PurgePage purge(pg::Transaction& tx, std::chrono::seconds retention, const PurgeCursor& from, int page_size,
                bool whole_table) {
    const auto row =
        tx.run(sql::purge, pqxx::params{from.after.to_string(), interval_text(retention), page_size, whole_table})
            .at(0);
    PurgePage page{.deleted = row[0].as<int>()};
    if (row[2].as<int>() == page_size) page.next = PurgeCursor{job_id_of(row[1])};
    return page;
}

StepsPage purge_orphan_steps(pg::Transaction& tx, const StepCursor& from, int page_size) {
    const auto rows = tx.run(sql::purge_orphan_steps, pqxx::params{from.job.to_string(), from.name, page_size});
    if (rows.empty()) return {};
    StepsPage page{.deleted = rows[0][0].as<int>()};
    if (rows[0][3].as<int>() == page_size) page.next = StepCursor{job_id_of(rows[0][1]), text_of(rows[0][2])};
    return page;
}

}  // namespace oiab::queue

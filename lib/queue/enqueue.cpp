#include "queue/enqueue.hpp"

#include <pqxx/params>
#include <pqxx/result>

#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

template <typename Id>
std::optional<std::string> id_text(const std::optional<Id>& id) {
    if (!id) return std::nullopt;
    return id->to_string();
}

pqxx::params parameters_of(const core::NewJob& job) {
    std::optional<double> run_at;
    if (job.run_at) run_at = std::chrono::duration<double>(job.run_at->time_since_epoch()).count();
    std::optional<std::int64_t> delay_ms;
    if (job.delay) delay_ms = job.delay->count();
    std::optional<std::int64_t> timeout_seconds;
    if (job.timeout) timeout_seconds = job.timeout->count();
    return pqxx::params{job.kind,
                        job.payload,
                        job.dedupe_key,
                        run_at,
                        delay_ms,
                        job.max_attempts,
                        job.priority,
                        job.serial_key,
                        id_text(job.tenant_id),
                        id_text(job.user_id),
                        timeout_seconds};
}

core::Enqueued enqueued_of(const pqxx::row& row) { return {job_id_of(row[0]), row[1].as<bool>()}; }

}  // namespace

core::Enqueued enqueue(pg::Transaction& tx, const core::NewJob& job) {
    return enqueued_of(tx.run(sql::enqueue, parameters_of(job)).at(0));
}

std::optional<core::Enqueued> enqueue_in(pg::Transaction& tx, const Guard& guard, const core::NewJob& job) {
    auto parameters = parameters_of(job);
    parameters.append(guard.key.id.to_string());
    parameters.append(guard.key.epoch.value);
    parameters.append(guard.worker.value);
    const auto rows = tx.run(sql::enqueue_guarded, parameters);
    if (rows.empty()) return std::nullopt;
    return enqueued_of(rows[0]);
}

}  // namespace oiab::queue

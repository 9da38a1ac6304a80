#include "queue/enqueue.hpp"

#include <pqxx/params>
#include <pqxx/result>

#include "producer/parameters.hpp"
#include "producer/sql.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

template <typename Id>
std::optional<std::string> id_text(const std::optional<Id>& id) {
    if (!id) return std::nullopt;
    return id->to_string();
}

pqxx::params parameters_of(const core::NewJob& job) { return producer::parameters_of(public_form(job)); }

core::Enqueued enqueued_of(const pqxx::row& row) { return {job_id_of(row[0]), row[1].as<bool>()}; }

}  // namespace

client::NewJob public_form(core::NewJob job) {
    return {std::move(job.kind),
            std::move(job.payload),
            std::move(job.dedupe_key),
            job.run_at,
            job.delay,
            job.max_attempts,
            job.priority,
            std::move(job.serial_key),
            id_text(job.tenant_id),
            id_text(job.user_id),
            job.timeout};
}

core::Enqueued enqueue(pg::Transaction& tx, const core::NewJob& job) {
    return enqueued_of(tx.run(producer::sql::enqueue, parameters_of(job)).at(0));
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

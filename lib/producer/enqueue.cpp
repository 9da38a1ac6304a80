#include <pqxx/params>
#include <pqxx/result>
#include <pqxx/row>
#include <pqxx/transaction_base>

#include "oiab/client.hpp"
#include "producer/parameters.hpp"
#include "producer/sql.hpp"

namespace oiab::producer {

std::optional<double> run_at_seconds(const client::NewJob& job) {
    if (!job.run_at) return std::nullopt;
    // To the microsecond, as the column: a float8 has room for no more.
    return std::chrono::duration<double>(std::chrono::floor<std::chrono::microseconds>(job.run_at->time_since_epoch()))
        .count();
}

std::optional<std::int64_t> delay_ms(const client::NewJob& job) {
    if (!job.delay) return std::nullopt;
    return job.delay->count();
}

std::optional<std::int64_t> timeout_seconds(const client::NewJob& job) {
    if (!job.timeout) return std::nullopt;
    return job.timeout->count();
}

pqxx::params parameters_of(const client::NewJob& job) {
    return pqxx::params{job.kind,      job.payload,      job.dedupe_key,      run_at_seconds(job),
                        delay_ms(job), job.max_attempts, job.priority,        job.serial_key,
                        job.tenant_id, job.user_id,      timeout_seconds(job)};
}

}  // namespace oiab::producer

namespace oiab::client {

Enqueued enqueue(pqxx::transaction_base& tx, const NewJob& job) {
    const auto row = tx.exec(producer::sql::enqueue.text, producer::parameters_of(job)).one_row();
    return {row[0].as<std::string>(), row[1].as<bool>()};
}

void do_not_notify(pqxx::transaction_base& tx) { tx.exec(producer::sql::do_not_notify.text).no_rows(); }

}  // namespace oiab::client

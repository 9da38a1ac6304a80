#include "queue/inspect.hpp"

#include <pqxx/params>
#include <pqxx/result>

#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// The columns of list_jobs.sql; load_job.sql has four more behind them.
JobView view_of(const pqxx::row& row) {
    JobView view;
    view.id = job_id_of(row["id"]);
    view.kind = text_of(row["kind"]);
    view.status = status_of(row["status"]);
    view.priority = row["priority"].as<int>();
    view.attempts = row["attempts"].as<int>();
    view.max_attempts = row["max_attempts"].as<int>();
    view.crash_count = row["crash_count"].as<int>();
    view.lease_epoch = row["lease_epoch"].as<std::int64_t>();
    view.lane_ready = row["lane_ready"].as<bool>();
    view.cancel_requested = row["cancel_requested"].as<bool>();
    view.run_at = text_of(row["run_at"]);
    view.created_at = text_of(row["created_at"]);
    view.started_at = optional_text_of(row["started_at"]);
    view.finished_at = optional_text_of(row["finished_at"]);
    view.locked_at = optional_text_of(row["locked_at"]);
    view.lease_until = optional_text_of(row["lease_until"]);
    view.locked_by = optional_text_of(row["locked_by"]);
    view.dedupe_key = optional_text_of(row["dedupe_key"]);
    view.serial_key = optional_text_of(row["serial_key"]);
    view.tenant_id = optional_text_of(row["tenant_id"]);
    view.user_id = optional_text_of(row["user_id"]);
    view.last_error = optional_text_of(row["last_error"]);
    view.failure_reason = optional_text_of(row["failure_reason"]);
    if (!row["timeout_seconds"].is_null()) view.timeout_seconds = row["timeout_seconds"].as<int>();
    return view;
}

}  // namespace

std::vector<JobView> list_jobs(pg::Transaction& tx, const JobFilter& filter) {
    std::optional<std::string> status;
    if (filter.status) status = std::string{core::to_string(*filter.status)};
    std::optional<std::string> tenant;
    if (filter.tenant_id) tenant = filter.tenant_id->to_string();
    std::optional<std::string> before;
    if (filter.before) before = filter.before->to_string();
    std::vector<JobView> views;
    for (const auto& row : tx.run(sql::list_jobs, pqxx::params{status, filter.kind, tenant, before, filter.limit}))
        views.push_back(view_of(row));
    return views;
}

std::optional<JobView> load_job(pg::Transaction& tx, core::JobId id) {
    const auto rows = tx.run(sql::load_job, pqxx::params{id.to_string()});
    if (rows.empty()) return std::nullopt;
    auto view = view_of(rows[0]);
    view.payload = optional_text_of(rows[0]["payload"]);
    view.result = optional_text_of(rows[0]["result"]);
    view.progress = optional_text_of(rows[0]["progress"]);
    view.attempt_errors = optional_text_of(rows[0]["attempt_errors"]);
    return view;
}

std::vector<LaneJob> load_open_jobs_of_lane(pg::Transaction& tx, const std::string& serial_key) {
    std::vector<LaneJob> jobs;
    for (const auto& row : tx.run(sql::find_open_jobs_of_lane, pqxx::params{serial_key}))
        jobs.push_back({job_id_of(row["id"]), text_of(row["kind"])});
    return jobs;
}

std::vector<StepView> load_step_views(pg::Transaction& tx, core::JobId id) {
    std::vector<StepView> steps;
    for (const auto& row : tx.run(sql::load_steps, pqxx::params{id.to_string()})) {
        steps.push_back({.name = text_of(row[0]),
                         .status = text_of(row[1]),
                         .attempt = row[2].as<int>(),
                         .started_at = text_of(row[3]),
                         .finished_at = optional_text_of(row[4]),
                         .result = optional_text_of(row[5]),
                         .error = optional_text_of(row[6])});
    }
    return steps;
}

}  // namespace oiab::queue

#include "queue/rows.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace oiab::queue {
namespace {

template <typename Id>
std::optional<Id> optional_id_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return Id::parse(field.view());
}

}  // namespace

core::JobId job_id_of(const pqxx::field& field) {
    if (auto id = core::JobId::parse(field.view())) return *id;
    throw std::logic_error{"a statement of the queue answered with something that is no job id"};
}

std::string text_of(const pqxx::field& field) { return field.is_null() ? std::string{} : std::string{field.view()}; }

std::optional<std::string> optional_text_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return std::string{field.view()};
}

core::Status status_of(const pqxx::field& field) {
    if (auto status = core::parse_status(field.view())) return *status;
    throw std::logic_error{"a statement of the queue answered with an unknown status"};
}

std::optional<core::FailureReason> reason_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return core::parse_failure_reason(field.view());
}

core::WallTime time_of(const pqxx::field& field) {
    const auto seconds = field.as<double>();
    if (std::isinf(seconds)) return seconds < 0 ? core::WallTime::min() : core::WallTime::max();
    return core::WallTime{std::chrono::microseconds{std::llround(seconds * 1e6)}};
}

core::Job job_of(const pqxx::row& row) {
    // The iterator is a field that moves on; row[n] would count references to the result up and down for each.
    auto field = row.begin();
    core::Job job;
    job.id = job_id_of(field);
    job.kind = text_of(++field);
    job.payload = text_of(++field);
    job.lease_epoch = core::LeaseEpoch{(++field).as<std::int64_t>()};
    job.attempt = (++field).as<int>();
    job.max_attempts = (++field).as<int>();
    job.crash_count = (++field).as<int>();
    job.priority = (++field).as<int>();
    job.run_at = time_of(++field);
    job.created_at = time_of(++field);
    if (!(++field).is_null()) job.timeout = std::chrono::seconds{field.as<int>()};
    job.serial_key = optional_text_of(++field);
    job.dedupe_key = optional_text_of(++field);
    job.tenant_id = optional_id_of<core::TenantId>(++field);
    job.user_id = optional_id_of<core::UserId>(++field);
    return job;
}

std::string interval_text(std::chrono::milliseconds duration) {
    return fmt::format("{} milliseconds", duration.count());
}

}  // namespace oiab::queue

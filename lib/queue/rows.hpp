#pragma once
/// @file  Reading rows into values. Private to the queue layer. A value that cannot be read is a broken contract
/// between a statement and its reader, so it throws std::logic_error.

#include <chrono>
#include <optional>
#include <pqxx/result>
#include <pqxx/row>
#include <string>

#include "core/job.hpp"
#include "core/status.hpp"

namespace oiab::queue {

[[nodiscard]] core::JobId job_id_of(const pqxx::field& field);
[[nodiscard]] std::string text_of(const pqxx::field& field);  ///< empty for NULL
[[nodiscard]] std::optional<std::string> optional_text_of(const pqxx::field& field);
[[nodiscard]] core::Status status_of(const pqxx::field& field);
[[nodiscard]] std::optional<core::FailureReason> reason_of(const pqxx::field& field);
/// From seconds since 1970 as float8; -infinity and infinity become the ends of WallTime.
[[nodiscard]] core::WallTime time_of(const pqxx::field& field);

/// A row with the columns of claim.sql, in their order.
[[nodiscard]] core::Job job_of(const pqxx::row& row);

/// A parameter of type interval.
[[nodiscard]] std::string interval_text(std::chrono::milliseconds duration);

}  // namespace oiab::queue

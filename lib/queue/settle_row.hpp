#pragma once
/// @file  Settlements in the shape of settle_batch.sql, and its answers. Private to the queue layer.

#include <optional>
#include <pqxx/params>
#include <pqxx/row>
#include <span>
#include <string>
#include <vector>

#include "queue/settle.hpp"

namespace oiab::queue {

/// One element of each array of settle_batch.sql.
struct SettleRow {
    core::AttemptKey key;
    std::string_view outcome;
    std::optional<std::int64_t> delay_ms{};
    std::optional<std::string> result{};
    std::optional<std::string> reason{};
    std::optional<std::string> error{};
};

/// @returns nullopt for outcomes that need no settling. @throws std::logic_error for a Retry without `after`.
[[nodiscard]] std::optional<SettleRow> settle_row_of(const Settlement& settlement);
/// The same attempt, failed without a result.
[[nodiscard]] SettleRow failed_row(const core::AttemptKey& key, core::FailureReason reason, std::string error);

[[nodiscard]] pqxx::params settle_parameters(const WorkerId& worker, std::span<const SettleRow> rows, bool alone);

/// A row (id, status, failure_reason, last_error, serial_key) of a final or pending job.
[[nodiscard]] Settled settled_of(const core::AttemptKey& key, const pqxx::row& row);

}  // namespace oiab::queue

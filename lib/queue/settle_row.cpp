#include "queue/settle_row.hpp"

#include <stdexcept>

#include "queue/arrays.hpp"
#include "queue/clean_text.hpp"
#include "queue/rows.hpp"

namespace oiab::queue {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

std::string text_of_reason(core::FailureReason reason) { return std::string{core::to_string(reason)}; }

}  // namespace

std::optional<SettleRow> settle_row_of(const Settlement& settlement) {
    using Row = std::optional<SettleRow>;
    const auto& key = settlement.key;
    return std::visit(
        Overloaded{
            [&](const core::Completed& completed) -> Row {
                SettleRow row{.key = key, .outcome = "completed"};
                if (!completed.result.empty()) row.result = completed.result;
                return row;
            },
            [&](const core::Retry& retry) -> Row {
                if (!retry.after)
                    throw std::logic_error{"a retry is settled with the delay that its kind's backoff gave"};
                return SettleRow{.key = key,
                                 .outcome = "retry",
                                 .delay_ms = retry.after->count(),
                                 .reason = text_of_reason(retry.reason),
                                 .error = clean_text(retry.error)};
            },
            [&](const core::Failed& failed) -> Row { return failed_row(key, failed.reason, clean_text(failed.error)); },
            [&](const core::Snoozed& snoozed) -> Row {
                return SettleRow{.key = key, .outcome = "snooze", .delay_ms = snoozed.after.count()};
            },
            [&](const core::Released&) -> Row { return SettleRow{.key = key, .outcome = "release"}; },
            [](const core::AlreadySettled&) -> Row { return std::nullopt; },
            [](const core::Abandoned&) -> Row { return std::nullopt; },
        },
        settlement.outcome);
}

SettleRow failed_row(const core::AttemptKey& key, core::FailureReason reason, std::string error) {
    return SettleRow{.key = key, .outcome = "failed", .reason = text_of_reason(reason), .error = std::move(error)};
}

pqxx::params settle_parameters(const WorkerId& worker, std::span<const SettleRow> rows, bool alone) {
    ArrayText ids, epochs, outcomes, delays, results, reasons, errors;
    for (const auto& row : rows) {
        ids.add(row.key.id);
        epochs.add(row.key.epoch.value);
        outcomes.add(row.outcome);
        delays.add(row.delay_ms);
        results.add(row.result);
        reasons.add(row.reason);
        errors.add(row.error);
    }
    return pqxx::params{std::move(ids).finish(),      std::move(epochs).finish(), worker.value,
                        std::move(outcomes).finish(), std::move(delays).finish(), std::move(results).finish(),
                        std::move(reasons).finish(),  std::move(errors).finish(), alone};
}

Settled settled_of(const core::AttemptKey& key, const pqxx::row& row) {
    Settled settled{.key = key};
    switch (status_of(row[1])) {
        case core::Status::kPending: settled.state = SettleState::kPending; return settled;
        case core::Status::kRunning: settled.state = SettleState::kHeld; return settled;
        case core::Status::kCompleted: settled.state = SettleState::kCompleted; break;
        case core::Status::kFailed:
            settled.state = SettleState::kFailed;
            settled.reason = reason_of(row[2]).value_or(core::FailureReason::kError);
            settled.error = text_of(row[3]);
            break;
    }
    settled.serial_key = text_of(row[4]);
    return settled;
}

}  // namespace oiab::queue

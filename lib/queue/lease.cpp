#include "queue/lease.hpp"

#include <pqxx/params>
#include <pqxx/result>

#include "queue/arrays.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {

std::vector<Renewal> renew(pg::Transaction& tx, const WorkerId& worker, std::span<const core::AttemptKey> keys,
                           std::chrono::milliseconds lease) {
    if (keys.empty()) return {};
    auto arrays = key_arrays(keys);
    const auto rows = tx.run(
        sql::renew, pqxx::params{std::move(arrays.ids), std::move(arrays.epochs), worker.value, interval_text(lease)});
    std::vector<Renewal> renewals;
    renewals.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto row = rows.at(static_cast<pqxx::result::size_type>(i));
        const auto state = row[0].view();
        renewals.push_back({keys[i],
                            state == "renewed" ? RenewState::kRenewed
                            : state == "held"  ? RenewState::kHeld
                                               : RenewState::kLost,
                            row[1].as<bool>()});
    }
    return renewals;
}

bool hold_attempt(pg::Transaction& tx, const Guard& guard) {
    return !tx.run(sql::hold_attempt, pqxx::params{guard.key.id.to_string(), guard.key.epoch.value, guard.worker.value})
                .empty();
}

bool set_progress(pg::Transaction& tx, const Guard& guard, const std::string& progress) {
    return !tx.run(sql::set_progress,
                   pqxx::params{guard.key.id.to_string(), guard.key.epoch.value, guard.worker.value, progress})
                .empty();
}

std::vector<core::AttemptKey> find_held(pg::Transaction& tx, const WorkerId& worker) {
    std::vector<core::AttemptKey> held;
    for (const auto& row : tx.run(sql::find_held, pqxx::params{worker.value}))
        held.push_back({job_id_of(row[0]), core::LeaseEpoch{row[1].as<std::int64_t>()}});
    return held;
}

}  // namespace oiab::queue

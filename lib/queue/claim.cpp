#include "queue/claim.hpp"

#include <algorithm>
#include <pqxx/params>
#include <pqxx/result>
#include <tuple>

#include "queue/arrays.hpp"
#include "queue/claim_ranges.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {

std::vector<core::Job> claim(pg::Transaction& tx, const ClaimRequest& request) {
    if (request.kinds.empty() || request.limit <= 0) return {};
    auto ranges = claim_ranges(request.kinds, request.low_water);
    const auto rows = tx.run(
        sql::claim, pqxx::params{std::move(ranges.kinds), request.limit, request.worker.value,
                                 interval_text(request.lease), std::move(ranges.priorities), std::move(ranges.run_ats),
                                 std::move(ranges.ids), std::move(ranges.last_priorities), request.in_turn});
    std::vector<core::Job> jobs;
    jobs.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) jobs.push_back(job_of(row));
    std::ranges::sort(jobs, {}, [](const core::Job& job) { return std::tie(job.priority, job.run_at, job.id); });
    return jobs;
}

std::optional<std::chrono::milliseconds> next_due(pg::Transaction& tx, std::span<const std::string> kinds,
                                                  std::span<const LowWater> low_water) {
    auto ranges = claim_ranges(kinds, low_water);
    const auto rows = tx.run(
        sql::next_due, pqxx::params{std::move(ranges.kinds), std::move(ranges.priorities), std::move(ranges.run_ats),
                                    std::move(ranges.ids), std::move(ranges.last_priorities)});
    const auto wait = rows.at(0).at(0);
    if (wait.is_null()) return std::nullopt;
    return std::chrono::milliseconds{std::max<std::int64_t>(0, wait.as<std::int64_t>())};
}

bool claim_is_under_way(pg::Transaction& tx) { return tx.run(sql::claim_is_under_way).at(0).at(0).as<bool>(); }

std::optional<std::string> find_claim_under_way(pg::Transaction& tx) {
    const auto rows = tx.run(sql::find_claim_under_way);
    if (rows.empty()) return std::nullopt;
    return rows.at(0).at(0).as<std::string>();
}

bool producers_are_committing(pg::Transaction& tx) {
    return tx.run(sql::producers_are_committing).at(0).at(0).as<bool>();
}

std::vector<std::string> load_ready_kinds(pg::Transaction& tx) {
    std::vector<std::string> kinds;
    for (const auto& row : tx.run(sql::load_ready_kinds)) kinds.push_back(text_of(row[0]));
    return kinds;
}

std::expected<core::Job, ClaimRefusal> claim_one(pg::Transaction& tx, core::JobId id, const WorkerId& worker,
                                                 std::chrono::milliseconds lease) {
    const pqxx::params which{id.to_string()};
    auto state = tx.run(sql::find_job_state, which);
    if (state.empty()) return std::unexpected{ClaimRefusal::kNotFound};
    if (!state[0][1].is_null()) {
        ArrayText lane;
        lane.add(state[0][1].view());
        (void)tx.run(sql::advance_lanes, pqxx::params{std::move(lane).finish()});
    }
    const auto rows = tx.run(sql::claim_one, pqxx::params{id.to_string(), worker.value, interval_text(lease)});
    if (!rows.empty()) return job_of(rows[0]);

    state = tx.run(sql::find_job_state, which);
    if (state.empty()) return std::unexpected{ClaimRefusal::kNotFound};
    if (status_of(state[0][0]) != core::Status::kPending) return std::unexpected{ClaimRefusal::kNotPending};
    const bool keyed = !state[0][1].is_null();
    if (keyed && !state[0][2].as<bool>()) return std::unexpected{ClaimRefusal::kLaneBusy};
    return std::unexpected{ClaimRefusal::kLocked};
}

}  // namespace oiab::queue

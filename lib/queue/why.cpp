#include <fmt/format.h>

#include <pqxx/params>
#include <pqxx/result>

#include "queue/inspect.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// A worker beats far more often; who was silent for so long is not counted on.
constexpr std::chrono::milliseconds kWorkerIsGoneAfter{120'000};

std::string for_people(std::chrono::seconds wait) {
    const auto s = wait.count();
    if (s < 120) return fmt::format("{} s", s);
    if (s < 7'200) return fmt::format("{} min", s / 60);
    if (s < 172'800) return fmt::format("{} h", s / 3'600);
    return fmt::format("{} days", s / 86'400);
}

std::string why_final(const WhyFacts& facts) {
    if (facts.status == core::Status::kCompleted)
        return fmt::format("It is final: completed at {}.", facts.finished_at.value_or("an unknown time"));
    return fmt::format("It is final: failed ({}) at {}: {}.", facts.failure_reason.value_or("no reason given"),
                       facts.finished_at.value_or("an unknown time"), facts.last_error.value_or("no error given"));
}

std::string why_in_lane(const WhyFacts& facts) {
    if (facts.lane_head_id) {
        return fmt::format("It waits behind job {} ({}) in its lane {}{}.", *facts.lane_head_id,
                           facts.lane_head_status.value_or("unknown"), *facts.serial_key,
                           facts.ahead_in_lane > 0 ? fmt::format(", with {}{} more before it", facts.ahead_in_lane,
                                                                 facts.ahead_in_lane >= 1'000 ? " or" : "")
                                                   : "");
    }
    return fmt::format(
        "It waits for its turn in its lane {}: nobody holds the lane, so it moves on within a poll of any worker.",
        *facts.serial_key);
}

}  // namespace

std::optional<WhyFacts> load_why(pg::Transaction& tx, core::JobId id) {
    const auto rows = tx.run(sql::load_why, pqxx::params{id.to_string(), interval_text(kWorkerIsGoneAfter)});
    if (rows.empty()) return std::nullopt;
    const auto row = rows[0];
    WhyFacts facts;
    facts.status = status_of(row["status"]);
    facts.kind = text_of(row["kind"]);
    facts.run_at = text_of(row["run_at"]);
    facts.is_due = row["is_due"].as<bool>();
    facts.due_in = std::chrono::seconds{row["due_in_seconds"].as<std::int64_t>()};
    facts.failure_reason = optional_text_of(row["failure_reason"]);
    facts.last_error = optional_text_of(row["last_error"]);
    facts.finished_at = optional_text_of(row["finished_at"]);
    facts.locked_by = optional_text_of(row["locked_by"]);
    facts.tenant_id = optional_text_of(row["tenant_id"]);
    facts.attempts = row["attempts"].as<int>();
    facts.max_attempts = row["max_attempts"].as<int>();
    facts.cancel_requested = row["cancel_requested"].as<bool>();
    facts.lease_lapsed = row["lease_lapsed"].as<bool>();
    facts.all_paused = row["all_paused"].as<bool>();
    facts.kind_paused = row["kind_paused"].as<bool>();
    facts.tenant_paused = row["tenant_paused"].as<bool>();
    facts.serial_key = optional_text_of(row["serial_key"]);
    facts.lane_ready = row["lane_ready"].as<bool>();
    facts.lane_head_id = optional_text_of(row["lane_head_id"]);
    facts.lane_head_status = optional_text_of(row["lane_head_status"]);
    facts.ahead_in_lane = row["ahead_in_lane"].as<std::int64_t>();
    facts.workers = row["workers"].as<int>();
    facts.workers_with_kind = row["workers_with_kind"].as<int>();
    facts.free_slots = row["free_slots"].as<int>();
    return facts;
}

std::string render_why(const WhyFacts& facts) {
    if (core::is_final(facts.status)) return why_final(facts);
    if (facts.status == core::Status::kRunning) {
        const auto who = facts.locked_by.value_or("a worker that left no name");
        if (facts.lease_lapsed)
            return fmt::format("It is marked as running on {}, whose lease has lapsed: the next rescue takes it back.",
                               who);
        if (facts.cancel_requested) return fmt::format("It is running on {}, which was asked to cancel it.", who);
        return fmt::format("It is running on {} (attempt {} of {}).", who, facts.attempts, facts.max_attempts);
    }
    if (facts.all_paused) return "Everything is paused: `oiabd resume` lets it go on.";
    if (facts.kind_paused)
        return fmt::format("Its kind {0} is paused: `oiabd resume --kind {0}` lets it go on.", facts.kind);
    if (facts.tenant_paused) {
        const auto tenant = facts.tenant_id.value_or("");
        return fmt::format("Its tenant {0} is paused: `oiabd resume --tenant {0}` lets it go on.", tenant);
    }
    if (!facts.is_due) {
        if (facts.due_in.count() == 0) return fmt::format("It is not due until {}.", facts.run_at);
        return fmt::format(
            "It is not due until {} (in {}){}.", facts.run_at, for_people(facts.due_in),
            facts.attempts > 0 ? fmt::format(", after attempt {} of {}", facts.attempts, facts.max_attempts) : "");
    }
    if (facts.serial_key && !facts.lane_ready) return why_in_lane(facts);
    if (!facts.lane_ready)
        return "It was kept back by a pause that has ended: the janitor gives it back within a minute.";
    if (facts.workers == 0) return "No worker is running: start one with `oiabd`.";
    if (facts.workers_with_kind == 0)
        return fmt::format("No worker has the kind {}: {} {} without it.", facts.kind, facts.workers,
                           facts.workers == 1 ? "runs" : "run");
    if (facts.free_slots == 0)
        return fmt::format("All slots of the {} that {} its kind are busy: it is due and waits for one.",
                           facts.workers_with_kind == 1 ? "worker" : fmt::format("{} workers", facts.workers_with_kind),
                           facts.workers_with_kind == 1 ? "has" : "have");
    return "It is due and free to run: a worker claims it within its poll interval.";
}

}  // namespace oiab::queue

#pragma once
/// @file  Triggers: what makes jobs by itself. For the leader, which plans and enqueues firings, and for the handler of
/// trigger-fire. Lane threads only; every function blocks and throws what the transaction does. What an edit or a lost
/// firing does to a row is the database's own work (migrations/trigger_functions.sql).

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

using TriggerId = core::Id<struct TriggerTag>;

/// What the cron triggers want done now.
struct TriggerWork {
    bool unplanned = false;  ///< some have no next firing yet
    bool due = false;
    std::optional<std::chrono::milliseconds> next_in;  ///< nullopt: nothing is planned
};
[[nodiscard]] TriggerWork find_trigger_work(pg::Transaction& tx);

struct UnplannedTrigger {
    TriggerId id;
    std::string cron_expression;
    std::string time_zone;
    core::WallTime now;  ///< by the server's clock
};
[[nodiscard]] std::vector<UnplannedTrigger> load_unplanned_triggers(pg::Transaction& tx, int limit);

struct PlannedTrigger {
    UnplannedTrigger of;
    std::optional<core::WallTime> next;  ///< nullopt: it is stopped for `error`
    std::string error;
};
struct StoppedTrigger {
    TriggerId id;
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string error;
};
/// @returns those that were stopped. What was edited since it was loaded is left alone.
std::vector<StoppedTrigger> plan_triggers(pg::Transaction& tx, std::span<const PlannedTrigger> planned);

/// One trigger-fire job for each due trigger. @returns how many were enqueued; `limit`: there may be more.
std::size_t enqueue_due_triggers(pg::Transaction& tx, int limit);

struct TriggerRow {
    TriggerId id;
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string name;
    bool is_cron = false;
    std::string cron_expression;
    std::string time_zone;
    std::string job_kind;
    std::string job_payload;  ///< JSON text
    bool enabled = false;
    bool is_stopped = false;
    std::string last_error;
    std::optional<core::WallTime> next_fire_at;
    core::WallTime now;              ///< by the server's clock
    bool owner_is_active = false;    ///< tenant and user, as far as it has them
    bool owner_is_of_tenant = true;  ///< its user belongs to its tenant
};
/// Locks the row until the transaction ends. @returns nullopt where there is none.
[[nodiscard]] std::optional<TriggerRow> lock_trigger(pg::Transaction& tx, TriggerId id);

/// Moves it on. @returns false where `scheduled` is not its next firing any more: it has fired, or was edited.
[[nodiscard]] bool move_trigger(pg::Transaction& tx, TriggerId id, core::WallTime scheduled, core::WallTime next);

/// What came of a firing: the job that it enqueued, or why there is none.
void note_firing(pg::Transaction& tx, TriggerId id, std::optional<core::JobId> job, const std::string& error);

/// Until somebody edits it. @returns nullopt where there is none that goes.
std::optional<StoppedTrigger> stop_trigger(pg::Transaction& tx, TriggerId id, const std::string& error);

/// As an operator sees it: times are the server's text in UTC, empty for none.
struct TriggerView {
    TriggerId id;
    std::string name;
    std::string kind;
    std::optional<std::string> tenant_id, user_id;
    std::string cron_expression;
    std::string time_zone;
    std::string job_kind;
    bool enabled = false;
    bool is_stopped = false;
    std::optional<std::string> next_fire_at, last_fired_at, last_job_id, last_error;
};
[[nodiscard]] std::vector<TriggerView> list_triggers(pg::Transaction& tx, int limit);

}  // namespace oiab::store

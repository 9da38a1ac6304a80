#include "store/triggers.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

StoppedTrigger read_stopped(TriggerId id, const pqxx::row& row, std::string error) {
    return {id, rows::read_optional_id<core::TenantId>(row["tenant_id"]),
            rows::read_optional_id<core::UserId>(row["user_id"]), std::move(error)};
}

}  // namespace

TriggerWork find_trigger_work(pg::Transaction& tx) {
    const auto found = tx.run(sql::trigger_work);
    const auto row = found.at(0);
    TriggerWork work{row["unplanned"].as<bool>(), row["due"].as<bool>(), std::nullopt};
    if (!row["wait_ms"].is_null()) work.next_in = std::chrono::milliseconds{row["wait_ms"].as<std::int64_t>()};
    return work;
}

std::vector<UnplannedTrigger> load_unplanned_triggers(pg::Transaction& tx, int limit) {
    std::vector<UnplannedTrigger> triggers;
    for (const auto& row : tx.run(sql::load_unplanned_triggers, pqxx::params{limit})) {
        triggers.push_back({rows::read_id<TriggerId>(row["id"]), rows::read_text(row["cron_expression"]),
                            rows::read_text(row["time_zone"]), rows::read_time(row["now_us"])});
    }
    return triggers;
}

std::vector<StoppedTrigger> plan_triggers(pg::Transaction& tx, std::span<const PlannedTrigger> planned) {
    auto list = nlohmann::json::array();
    for (const auto& trigger : planned) {
        list.push_back({{"id", trigger.of.id.to_string()},
                        {"cron_expression", trigger.of.cron_expression},
                        {"time_zone", trigger.of.time_zone},
                        {"next_us", trigger.next ? nlohmann::json(trigger.next->time_since_epoch().count())
                                                 : nlohmann::json(nullptr)},
                        {"error", rows::json_or_null(trigger.error)}});
    }
    std::vector<StoppedTrigger> stopped;
    for (const auto& row : tx.run(sql::plan_triggers, pqxx::params{rows::dump(list)})) {
        stopped.push_back(read_stopped(rows::read_id<TriggerId>(row["id"]), row, rows::read_text(row["error"])));
    }
    return stopped;
}

std::size_t enqueue_due_triggers(pg::Transaction& tx, int limit) {
    return static_cast<std::size_t>(tx.run(sql::enqueue_due_triggers, pqxx::params{limit}).size());
}

std::optional<TriggerRow> lock_trigger(pg::Transaction& tx, TriggerId id) {
    const auto found = tx.run(sql::lock_trigger, pqxx::params{id.to_string()});
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    TriggerRow trigger;
    trigger.id = id;
    trigger.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    trigger.user_id = rows::read_optional_id<core::UserId>(row["user_id"]);
    trigger.name = rows::read_text(row["name"]);
    trigger.is_cron = row["is_cron"].as<bool>();
    trigger.cron_expression = rows::read_text(row["cron_expression"]);
    trigger.time_zone = rows::read_text(row["time_zone"]);
    trigger.job_kind = rows::read_text(row["job_kind"]);
    trigger.job_payload = rows::read_text(row["job_payload"]);
    trigger.enabled = row["enabled"].as<bool>();
    trigger.is_stopped = row["is_stopped"].as<bool>();
    trigger.last_error = rows::read_text(row["last_error"]);
    if (!row["next_us"].is_null()) trigger.next_fire_at = rows::read_time(row["next_us"]);
    trigger.now = rows::read_time(row["now_us"]);
    trigger.owner_is_active = row["owner_is_active"].as<bool>();
    trigger.owner_is_of_tenant = row["owner_is_of_tenant"].as<bool>();
    return trigger;
}

bool move_trigger(pg::Transaction& tx, TriggerId id, core::WallTime scheduled, core::WallTime next) {
    return !tx.run(sql::move_trigger,
                   pqxx::params{id.to_string(), scheduled.time_since_epoch().count(), next.time_since_epoch().count()})
                .empty();
}

void note_firing(pg::Transaction& tx, TriggerId id, std::optional<core::JobId> job, const std::string& error) {
    (void)tx.run(sql::note_firing,
                 pqxx::params{id.to_string(), rows::text_of(job), rows::null_if_empty(rows::without_nul(error))});
}

std::optional<StoppedTrigger> stop_trigger(pg::Transaction& tx, TriggerId id, const std::string& error) {
    const auto stopped = tx.run(sql::stop_trigger, pqxx::params{id.to_string(), rows::without_nul(error)});
    if (stopped.empty()) return std::nullopt;
    return read_stopped(id, stopped[0], error);
}

std::vector<TriggerView> list_triggers(pg::Transaction& tx, int limit) {
    std::vector<TriggerView> views;
    for (const auto& row : tx.run(sql::list_triggers, pqxx::params{limit})) {
        TriggerView& view = views.emplace_back();
        view.id = rows::read_id<TriggerId>(row["id"]);
        view.name = rows::read_text(row["name"]);
        view.kind = rows::read_text(row["kind"]);
        view.tenant_id = rows::read_optional_text(row["tenant_id"]);
        view.user_id = rows::read_optional_text(row["user_id"]);
        view.cron_expression = rows::read_text(row["cron_expression"]);
        view.time_zone = rows::read_text(row["time_zone"]);
        view.job_kind = rows::read_text(row["job_kind"]);
        view.enabled = row["enabled"].as<bool>();
        view.is_stopped = row["is_stopped"].as<bool>();
        view.next_fire_at = rows::read_optional_text(row["next_fire_at"]);
        view.last_fired_at = rows::read_optional_text(row["last_fired_at"]);
        view.last_job_id = rows::read_optional_text(row["last_job_id"]);
        view.last_error = rows::read_optional_text(row["last_error"]);
    }
    return views;
}

}  // namespace oiab::store

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/cron_schedule.hpp"
#include "core/timestamp.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/enqueue.hpp"
#include "store/triggers.hpp"

namespace oiab::daemon {
namespace {

/// More than an installation has; a bound all the same.
constexpr int kMostTriggers = 10'000;

nlohmann::json or_null(const std::optional<std::string>& text) { return text ? nlohmann::json(*text) : nullptr; }

nlohmann::json to_json(const store::TriggerView& trigger) {
    return {{"id", trigger.id.to_string()},
            {"name", trigger.name},
            {"kind", trigger.kind},
            {"tenantId", or_null(trigger.tenant_id)},
            {"userId", or_null(trigger.user_id)},
            {"cronExpression", trigger.cron_expression},
            {"timeZone", trigger.time_zone},
            {"jobKind", trigger.job_kind},
            {"enabled", trigger.enabled},
            {"stopped", trigger.is_stopped},
            {"nextFireAt", or_null(trigger.next_fire_at)},
            {"lastFiredAt", or_null(trigger.last_fired_at)},
            {"lastJobId", or_null(trigger.last_job_id)},
            {"lastError", or_null(trigger.last_error)}};
}

std::string state_of(const store::TriggerView& trigger) {
    if (!trigger.enabled) return "disabled";
    if (trigger.is_stopped) return "stopped";
    if (trigger.kind == "webhook") return "by webhook";
    return trigger.next_fire_at.value_or("not planned yet");
}

int list(const Context& context, pg::Session& session) {
    const auto triggers =
        pg::in_transaction(session, [](pg::Transaction& tx) { return store::list_triggers(tx, kMostTriggers); });
    if (context.form == Form::kJson) {
        auto list = nlohmann::json::array();
        for (const auto& trigger : triggers) list.push_back(to_json(trigger));
        print_json(list);
        return kExitDone;
    }
    if (triggers.empty()) {
        print("No triggers.\n");
        return kExitDone;
    }
    Table table{{"ID", "NAME", "EXPRESSION", "TIME ZONE", "JOB", "NEXT (UTC)", "LAST (UTC)", "ERROR"}};
    for (const auto& trigger : triggers)
        table.add({trigger.id.to_string(), cut(trigger.name, 30), cut(trigger.cron_expression, 30),
                   trigger.cron_expression.empty() ? "" : cut(trigger.time_zone, 30), cut(trigger.job_kind, 30),
                   state_of(trigger), trigger.last_fired_at.value_or(""), cut(trigger.last_error.value_or(""), 60)});
    print(table.render());
    return kExitDone;
}

int next(const Context& context, const TriggersCommand& command) {
    const auto schedule = core::CronSchedule::make(command.expression, command.time_zone);
    if (!schedule) {
        complain(schedule.error());
        return kExitUsage;
    }
    auto at = command.after.value_or(core::SystemClock{}.wall_now());
    auto list = nlohmann::json::array();
    Table table{{"UTC", schedule->time_zone()}};
    for (int i = 0; i < command.count; ++i) {
        const auto next = schedule->next_after(at);
        if (!next) {
            complain(next.error());
            return kExitNothing;
        }
        at = *next;
        const auto utc = core::format_timestamp(at), local = schedule->local_text(at);
        list.push_back({{"at", utc}, {"local", local}});
        table.add({utc, local});
    }
    if (context.form == Form::kJson) {
        print_json(list);
    } else {
        print(table.render());
    }
    return kExitDone;
}

int fire(const Context& context, pg::Session& session, const core::Uuid& trigger) {
    const auto job = pg::in_transaction(session, [&](pg::Transaction& tx) -> std::optional<core::JobId> {
        const auto row = store::lock_trigger(tx, {trigger});
        if (!row) return std::nullopt;
        core::NewJob firing;
        firing.kind = "trigger-fire";
        firing.payload = nlohmann::json{{"triggerId", trigger.to_string()}}.dump();
        firing.tenant_id = row->tenant_id;
        firing.user_id = row->user_id;
        return queue::enqueue(tx, firing).id;
    });
    if (!job) {
        complain(fmt::format("there is no trigger {}", trigger.to_string()));
        return kExitNothing;
    }
    if (context.form == Form::kJson) {
        print_json({{"jobId", job->to_string()}});
    } else {
        print(job->to_string() + "\n");
    }
    return kExitDone;
}

}  // namespace

int run(const Context& context, const TriggersCommand& command) {
    if (command.verb == TriggersVerb::kNext) return next(context, command);
    pg::Session session{session_settings(context.settings, "triggers")};
    return command.verb == TriggersVerb::kList ? list(context, session) : fire(context, session, command.trigger);
}

}  // namespace oiab::daemon

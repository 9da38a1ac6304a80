#include "handlers/trigger_fire.hpp"

#include <fmt/format.h>

#include <expected>
#include <nlohmann/json.hpp>

#include "core/cron_schedule.hpp"
#include "core/timestamp.hpp"
#include "handlers/payload.hpp"
#include "handlers/trigger_audit.hpp"
#include "handlers/trigger_payload.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;
using store::TriggerRow;

struct Firing {
    store::TriggerId trigger;
    std::optional<core::WallTime> scheduled;  ///< nullopt: not by the clock
    json brought;                             ///< by a webhook; null for none
};

Firing read_firing(const Payload& payload) {
    Firing firing{{payload.required_uuid("triggerId")}, std::nullopt, nullptr};
    if (const auto text = payload.optional_text("scheduledAt", ""); !text.empty()) {
        firing.scheduled = core::parse_timestamp(text);
        if (!firing.scheduled) Payload::refuse("scheduledAt", "must be a time such as 2026-01-31T12:00:00Z");
    }
    if (const auto* brought = payload.find("payload")) firing.brought = *brought;
    return firing;
}

/// What is wrong with the trigger itself, so that it is stopped.
using Fault = std::unexpected<std::string>;

std::string not_fired(std::string_view why) { return json{{"fired", false}, {"reason", why}}.dump(); }

std::string enqueue_job(pg::Transaction& tx, Attempt& attempt, const TriggerRow& trigger, const json& payload) {
    core::NewJob job;
    job.kind = trigger.job_kind;
    job.payload = payload.dump(-1, ' ', false, json::error_handler_t::replace);
    job.tenant_id = trigger.tenant_id;
    job.user_id = trigger.user_id;
    const auto enqueued = attempt.enqueue_in(tx, job).id;
    store::note_firing(tx, trigger.id, enqueued, "");
    audit_firing(tx, trigger, attempt.job().id, enqueued);
    return enqueued.to_string();
}

/// @returns the job's result
std::expected<std::string, std::string> fire(pg::Transaction& tx, Attempt& attempt, const Firing& firing) {
    // The job's row before the trigger's, as when a firing is cancelled.
    attempt.guard_in(tx);
    const auto trigger = store::lock_trigger(tx, firing.trigger);
    if (!trigger) {
        throw EndAttempt{core::failed(core::FailureReason::kError,
                                      fmt::format("there is no trigger {}", firing.trigger.to_string()))};
    }
    json result{{"fired", true}};
    if (firing.scheduled) {
        if (trigger->next_fire_at != firing.scheduled || !trigger->enabled || trigger->is_stopped)
            return not_fired("this firing has been done already, or the trigger was edited");
        const auto next = core::next_firing(trigger->cron_expression, trigger->time_zone, trigger->now);
        if (!next) return Fault{next.error()};
        // Counted from now: what was missed while nobody worked has fired with this one.
        if (!store::move_trigger(tx, trigger->id, *firing.scheduled, *next)) return not_fired("the trigger was edited");
        result["nextFireAt"] = core::format_timestamp(*next);
    } else if (!trigger->enabled || trigger->is_stopped) {
        throw EndAttempt{core::failed(
            core::FailureReason::kError,
            trigger->enabled ? "the trigger is stopped: " + trigger->last_error : "the trigger is disabled")};
    }
    const auto payload = make_fired_payload(*trigger, firing.brought);
    if (!payload) return Fault{payload.error()};
    if (!trigger->owner_is_active) {
        const std::string why = "its tenant or user is not active";
        store::note_firing(tx, trigger->id, std::nullopt, why);
        return not_fired(why);
    }
    result["jobId"] = enqueue_job(tx, attempt, *trigger, *payload);
    return result.dump();
}

}  // namespace

boost::asio::awaitable<core::Outcome> TriggerFire::run(Attempt& attempt) {
    const Firing firing = read_firing(Payload{attempt.job().payload});
    std::optional<std::string> fault;
    std::function<std::string(pg::Transaction&)> body = [&](pg::Transaction& tx) {
        auto result = fire(tx, attempt, firing);
        if (result) return std::move(*result);
        fault = std::move(result.error());
        // What was written so far belongs to a firing that does not take place.
        throw EndAttempt{core::failed(core::FailureReason::kError, *fault)};
    };
    try {
        co_return co_await attempt.complete_in(std::move(body));
    } catch (const EndAttempt&) {
        if (!fault) throw;
    }
    auto stop = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        if (const auto stopped = store::stop_trigger(tx, firing.trigger, *fault)) audit_stop(tx, *stopped);
    };
    co_await attempt.transact(stop);
    co_return core::failed(core::FailureReason::kError,
                           fmt::format("{}; the trigger is stopped until it is edited", *fault));
}

}  // namespace oiab::handlers

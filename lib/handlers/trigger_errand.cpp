#include "handlers/trigger_errand.hpp"

#include <nlohmann/json.hpp>

#include "core/cron_schedule.hpp"
#include "handlers/trigger_audit.hpp"
#include "pg/transaction.hpp"
#include "store/triggers.hpp"

namespace oiab::handlers {
namespace {

/// Rows of one transaction: milliseconds of work, so that nobody waits for its locks.
constexpr int kBatch = 200;

store::PlannedTrigger plan(store::UnplannedTrigger trigger) {
    store::PlannedTrigger planned{std::move(trigger), std::nullopt, {}};
    auto next = core::next_firing(planned.of.cron_expression, planned.of.time_zone, planned.of.now);
    if (next) {
        planned.next = *next;
    } else {
        planned.error = std::move(next.error());
    }
    return planned;
}

void plan_new(pg::Session& session, const observe::Log& log) {
    for (std::size_t found = kBatch; found == kBatch;) {
        std::vector<store::StoppedTrigger> stopped;
        auto body = [&](pg::Transaction& tx) {
            std::vector<store::PlannedTrigger> planned;
            for (auto& trigger : store::load_unplanned_triggers(tx, kBatch))
                planned.push_back(plan(std::move(trigger)));
            found = planned.size();
            stopped = store::plan_triggers(tx, planned);
            for (const auto& trigger : stopped) audit_stop(tx, trigger);
        };
        pg::in_transaction(session, std::function<void(pg::Transaction&)>{body});
        for (const auto& trigger : stopped) {
            log.warn("a trigger cannot fire and is stopped until it is edited",
                     {{"trigger", trigger.id.to_string()}, {"error", trigger.error}});
        }
    }
}

void enqueue_due(pg::Session& session, const observe::Log& log) {
    for (std::size_t enqueued = kBatch; enqueued == kBatch;) {
        enqueued =
            pg::in_transaction(session, [](pg::Transaction& tx) { return store::enqueue_due_triggers(tx, kBatch); });
        if (enqueued > 0) log.debug("triggers are due", {{"firings", enqueued}});
    }
}

}  // namespace

std::optional<std::chrono::milliseconds> run_triggers(pg::Session& session, const observe::Log& log) {
    const auto look = [&session] {
        return pg::autocommit(session, [](pg::Transaction& tx) { return store::find_trigger_work(tx); });
    };
    auto work = look();
    if (work.unplanned) plan_new(session, log);
    if (work.due) enqueue_due(session, log);
    // What was just planned may be due in a moment.
    if (work.unplanned || work.due) work = look();
    return work.next_in;
}

}  // namespace oiab::handlers

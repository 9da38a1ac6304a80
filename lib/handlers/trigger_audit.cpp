#include "handlers/trigger_audit.hpp"

#include <nlohmann/json.hpp>

#include "store/audit.hpp"

namespace oiab::handlers {
namespace {

store::AuditEntry entry_about(store::TriggerId id, std::optional<core::TenantId> tenant,
                              std::optional<core::UserId> user, const std::string& action) {
    store::AuditEntry entry;
    entry.tenant_id = tenant;
    entry.user_id = user;
    entry.actor = "system";
    entry.action = action;
    entry.target = "trigger:" + id.to_string();
    return entry;
}

}  // namespace

void audit_stop(pg::Transaction& tx, const store::StoppedTrigger& stopped) {
    auto entry = entry_about(stopped.id, stopped.tenant_id, stopped.user_id, "agent.trigger_stop");
    entry.payload =
        nlohmann::json{{"error", stopped.error}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    store::append_audit(tx, {&entry, 1});
}

void audit_firing(pg::Transaction& tx, const store::TriggerRow& trigger, core::JobId firing, core::JobId enqueued) {
    auto entry = entry_about(trigger.id, trigger.tenant_id, trigger.user_id, "agent.trigger_fire");
    entry.entry_key = firing.to_string() + ":agent.trigger_fire";
    entry.payload = nlohmann::json{{"jobId", enqueued.to_string()}}.dump();
    store::append_audit(tx, {&entry, 1});
}

}  // namespace oiab::handlers

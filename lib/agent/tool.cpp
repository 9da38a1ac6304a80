#include "agent/tool.hpp"

#include <nlohmann/json.hpp>

#include "agent/trajectory.hpp"
#include "store/audit.hpp"

namespace oiab::agent {

nlohmann::json Tool::origin() const { return nullptr; }

void audit_tool(pg::Transaction& tx, const ToolScene& scene, const std::string& tool, const nlohmann::json& arguments,
                const std::string& idempotency_key, const std::string& action, const std::string& outcome) {
    store::AuditEntry entry;
    entry.entry_key = idempotency_key + ":" + action;
    entry.tenant_id = scene.person.tenant_id;
    entry.user_id = scene.person.user_id;
    entry.actor = "agent:" + scene.session_id;
    entry.action = action;
    entry.target = tool;
    entry.session_id = scene.session_id;
    entry.channel = scene.channel;
    nlohmann::json payload{{"inputHash", make_tool_use(tool, arguments, "").input_hash},
                           {"jobId", scene.attempt.job().id.to_string()}};
    if (!outcome.empty()) payload["outcome"] = outcome;
    entry.payload = payload.dump();
    store::append_audit(tx, {&entry, 1});
}

}  // namespace oiab::agent

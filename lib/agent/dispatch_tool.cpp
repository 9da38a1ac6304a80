#include "agent/dispatch_tool.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/plan_tool.hpp"
#include "agent/tool_arguments.hpp"
#include "store/dispatches.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::size_t kMaxMembers = 10;
constexpr std::size_t kMaxAgentName = 100;

bool is_team(const std::string& mode) { return mode == "team_single_vm" || mode == "team_multi_vm"; }

store::NewMember read_member(const json& item) {
    store::NewMember member{"build", {}};
    if (item.is_string()) {
        member.task = required_text(json{{"task", item}}, "task");
        return member;
    }
    if (!item.is_object())
        throw ToolRefusal{"each of \"tasks\" must be a text, or an object with \"task\" and \"agent\""};
    member.task = required_text(item, "task");
    if (item.contains("agent") && !item["agent"].is_null()) member.agent = required_text(item, "agent");
    if (member.agent.size() > kMaxAgentName) throw ToolRefusal{"\"agent\" is too long for a name"};
    return member;
}

std::vector<store::NewMember> read_members(const json& arguments, const std::string& mode) {
    const bool named_members = !arguments.contains("tasks") && arguments.contains("members");
    const auto found = arguments.find(named_members ? "members" : "tasks");
    if (found == arguments.end() || !found->is_array() || found->empty())
        throw ToolRefusal{"\"tasks\" must be an array of at least one task"};
    if (found->size() > kMaxMembers) throw ToolRefusal{fmt::format("\"tasks\" may have at most {}", kMaxMembers)};
    if (found->size() > 1 && !is_team(mode))
        throw ToolRefusal{fmt::format("mode {} takes one task; a team takes several", mode)};
    std::vector<store::NewMember> members;
    for (const auto& item : *found) members.push_back(read_member(item));
    return members;
}

}  // namespace

clients::ToolDefinition DispatchTasks::definition() const {
    return {
        kName,
        fmt::format("Hands tasks to other agents. Answers at once with an id; their combined result is posted to this "
                    "session later. Choose the mode by the work: local, one quick task in a session beside this one; "
                    "team_single_vm, several at once in this sandbox{}",
                    has_pool_ ? "; remote, one task in a fresh sandbox of its own; team_multi_vm, several, each in its "
                                "own sandbox; user_pc, one task on the user's machine."
                              : "."),
        fmt::format(
            R"({{"type":"object","properties":{{"mode":{{"type":"string","enum":["local","team_single_vm"{}]}},)"
            R"("rationale":{{"type":"string","description":"Why this mode, in one sentence"}},)"
            R"("tasks":{{"type":"array","minItems":1,"maxItems":{},"items":{{"type":"object","properties":)"
            R"({{"task":{{"type":"string"}},"agent":{{"type":"string"}}}},"required":["task"]}}}}}},)"
            R"("required":["mode","rationale","tasks"],"additionalProperties":false}})",
            has_pool_ ? R"(,"remote","team_multi_vm","user_pc")" : "", kMaxMembers)};
}

bool DispatchTasks::is_useful_to(const Person& person) const { return person.permissions.run_agents; }

asio::awaitable<std::string> DispatchTasks::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    store::NewDispatch dispatch;
    dispatch.id = {plan_id_of(idempotency_key).value};
    dispatch.tenant_id = scene.person.tenant_id;
    dispatch.user_id = scene.person.user_id;
    dispatch.parent_session_id = scene.session_id;
    dispatch.job_id = scene.attempt.job().id;
    (void)required_text(arguments, "mode");
    dispatch.mode = one_of(arguments, "mode", {"local", "remote", "team_single_vm", "team_multi_vm", "user_pc"});
    dispatch.rationale = required_text(arguments, "rationale");
    dispatch.members = read_members(arguments, dispatch.mode);
    auto begin = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        if (store::insert_dispatch(tx, dispatch)) audit_tool(tx, scene, kName, arguments, idempotency_key);
    };
    co_await scene.attempt.transact(begin);
    co_return json{
        {"dispatchId", dispatch.id.to_string()}, {"members", dispatch.members.size()}, {"status", "executing"}}
        .dump();
}

}  // namespace oiab::agent

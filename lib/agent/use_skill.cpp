#include "agent/use_skill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/tool_arguments.hpp"
#include "clients/utf8.hpp"
#include "store/skills.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// Proposals stay far below; a skill from elsewhere shall not fill the model's window.
constexpr std::size_t kMaxBodyBytes = std::size_t{64} * 1024;

/// By id, so that it is the one that the turn was offered; by name for turns that began before ids were kept.
std::optional<std::string> find_body(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                     const SkillLine& skill) {
    if (const auto id = store::SkillId::parse(skill.id)) return store::find_offered_skill_body(tx, tenant, *id);
    return store::find_skill_body(tx, tenant, skill.name);
}

}  // namespace

clients::ToolDefinition UseSkill::definition() const {
    return {kName,
            "Gives the full text of one of the organisation's skills, by the name under which the system prompt lists "
            "it. Read a skill before you do work of its kind.",
            R"({"type":"object","properties":{"name":{"type":"string"}},"required":["name"],)"
            R"("additionalProperties":false})"};
}

bool UseSkill::is_useful_to(const Person& /*person*/) const { return true; }

asio::awaitable<std::string> UseSkill::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    const std::string name = required_text(arguments, "name");
    const auto skill = std::ranges::find(offered_, name, &SkillLine::name);
    if (skill == offered_.end()) throw ToolRefusal{fmt::format("there is no skill \"{}\" here", name)};
    auto read = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        audit_tool(tx, scene, kName, arguments, idempotency_key);
        return find_body(tx, scene.person.tenant_id, *skill);
    };
    const auto body = co_await scene.attempt.transact(read);
    if (!body) throw ToolRefusal{fmt::format("the skill \"{}\" is gone", name)};
    co_return clients::shortened(clients::to_valid_utf8(*body), kMaxBodyBytes);
}

}  // namespace oiab::agent

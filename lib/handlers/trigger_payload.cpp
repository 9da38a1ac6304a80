#include "handlers/trigger_payload.hpp"

#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "core/json_text.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;
using Wrong = std::unexpected<std::string>;

constexpr std::string_view kPlace = "{{payload}}";

std::string as_text(const json& brought) {
    if (brought.is_null()) return {};
    if (brought.is_string()) return brought.get<std::string>();
    return brought.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Each place once: what is filled in may hold the same characters.
std::string fill_text(const std::string& text, std::string_view brought) {
    std::string filled;
    std::size_t from = 0;
    for (auto at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, from)) {
        filled.append(text, from, at - from).append(brought);
        from = at + kPlace.size();
    }
    return filled.append(text, from);
}

void fill(json& value, std::string_view brought) {
    if (value.is_string()) {
        value = fill_text(value.get_ref<const std::string&>(), brought);
    } else if (value.is_structured()) {
        for (auto& member : value) fill(member, brought);
    }
}

bool has_text(const json& payload, const char* camel, const char* snake) {
    for (const char* name : {camel, snake}) {
        const auto found = payload.find(name);
        if (found != payload.end() && found->is_string() && !found->get_ref<const std::string&>().empty()) return true;
    }
    return false;
}

struct Member {
    const char* camel;
    const char* snake;
};

/// What the built-in kinds cannot do without, so that a trigger that cannot work says so itself.
std::span<const Member> required_of(std::string_view kind) {
    static constexpr std::array<Member, 3> turn{{{"userId", "user_id"}, {"sessionId", "session_id"}, {"text", "text"}}};
    static constexpr std::array<Member, 3> plan{
        {{"userId", "user_id"}, {"parentSessionId", "parent_session_id"}, {"taskDescription", "task_description"}}};
    if (kind == "agent-turn") return turn;
    if (kind == "orchestrator-plan") return plan;
    return {};
}

/// Whether one of the members is there and is not that id.
template <typename Id>
bool names_another(const json& payload, std::initializer_list<const char*> names, const std::optional<Id>& own) {
    for (const char* name : names) {
        const auto named = payload.find(name);
        if (named == payload.end() || named->is_null()) continue;
        if (!own || !named->is_string() || Id::parse(named->get_ref<const std::string&>()) != own) return true;
    }
    return false;
}

}  // namespace

std::expected<json, std::string> make_fired_payload(const store::TriggerRow& trigger, const json& brought) {
    if (trigger.job_kind.find_first_not_of(" \t\r\n") == std::string::npos) return Wrong{"job_kind is empty"};
    if (trigger.job_kind == "trigger-fire") return Wrong{"job_kind trigger-fire: a trigger cannot fire triggers"};
    if (!trigger.owner_is_of_tenant) return Wrong{"its user does not belong to its tenant"};
    json payload = core::parse_foreign_json(trigger.job_payload);
    if (!payload.is_object()) return Wrong{"job_payload must be a JSON object"};
    // A trigger acts for its own user and tenant and nobody else; one that has neither is the installation's own.
    const bool is_bound = trigger.user_id || trigger.tenant_id;
    if (is_bound && names_another(payload, {"userId", "user_id"}, trigger.user_id))
        return Wrong{"job_payload names another user than the trigger's own"};
    if (is_bound && names_another(payload, {"tenantId", "tenant_id"}, trigger.tenant_id))
        return Wrong{"job_payload names another tenant than the trigger's own"};

    const auto required = required_of(trigger.job_kind);
    if (!required.empty() && trigger.user_id && !has_text(payload, "userId", "user_id"))
        payload["userId"] = trigger.user_id->to_string();
    for (const auto& [camel, snake] : required) {
        if (!has_text(payload, camel, snake)) {
            return Wrong{"job_payload lacks \"" + std::string{camel} + "\", which " + trigger.job_kind + " needs"};
        }
    }
    fill(payload, as_text(brought));
    if (!payload.contains("trigger")) {
        json origin{{"id", trigger.id.to_string()}, {"name", trigger.name}};
        if (!brought.is_null()) origin["payload"] = brought;
        payload["trigger"] = std::move(origin);
    }
    return payload;
}

}  // namespace oiab::handlers

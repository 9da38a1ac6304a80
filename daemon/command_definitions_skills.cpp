#include <fmt/format.h>

#include "config/value.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

template <typename Id>
Id id_of(const std::string& what, const std::string& text) {
    if (const auto id = Id::parse(text)) return *id;
    throw CLI::ValidationError(fmt::format("{} must be a UUID, not {}", what, config::quote(text)));
}

void define_list(CLI::App& skills, Invocation& invocation) {
    struct Text {
        std::string status, tenant;
        int limit = 50;
    };
    auto text = std::make_shared<Text>();
    auto* list = add_command(skills, "list", "List skills, newest first",
                             "Examples:\n  oiabd skills list --status proposed\n  oiabd skills list --json");
    list->add_option("--status", text->status, "Only proposed, promoted or deprecated")
        ->type_name("STATUS")
        ->check(CLI::IsMember({"proposed", "promoted", "deprecated"}));
    list->add_option("--tenant", text->tenant, "Only skills of this tenant")->type_name("UUID");
    list->add_option("-n,--limit", text->limit, "At most so many")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    list->callback([text, &invocation] {
        SkillsListCommand command;
        if (!text->status.empty()) command.filter.status = text->status;
        if (!text->tenant.empty()) command.filter.tenant_id = id_of<core::TenantId>("--tenant", text->tenant);
        command.filter.limit = text->limit;
        invocation.command = command;
    });
}

void define_decision(CLI::App& skills, Invocation& invocation, const std::string& name, store::SkillDecision decision,
                     const std::string& summary) {
    struct Text {
        std::vector<std::string> ids;
        std::string by;
    };
    auto text = std::make_shared<Text>();
    auto* command = add_command(skills, name, summary);
    command->add_option("ID", text->ids, "The skill's id")->type_name("")->required();
    command
        ->add_option("--by", text->by,
                     "The user who decides; needs admin.manage_templates. Without it: an operator of the database")
        ->type_name("UUID");
    command->callback([text, decision, &invocation] {
        SkillsDecideCommand parsed{decision, {}, std::nullopt};
        for (const auto& id : text->ids) parsed.ids.push_back(id_of<store::SkillId>("ID", id));
        if (!text->by.empty()) parsed.by = id_of<core::UserId>("--by", text->by);
        invocation.command = parsed;
    });
}

}  // namespace

void define_skills(CLI::App& app, Invocation& invocation) {
    auto* skills = add_command(app, "skills", "Look at what agents have learnt, and decide about it");
    skills->require_subcommand(1);
    define_list(*skills, invocation);
    auto id = std::make_shared<std::string>();
    auto* show = add_command(*skills, "show", "Show everything about one skill, its text included");
    show->add_option("ID", *id, "The skill's id")->type_name("")->required();
    show->callback([id, &invocation] { invocation.command = SkillsShowCommand{id_of<store::SkillId>("ID", *id)}; });
    define_decision(*skills, invocation, "promote", store::SkillDecision::kPromote,
                    "Promote proposed skills: agents of their tenant are offered them");
    define_decision(*skills, invocation, "deprecate", store::SkillDecision::kDeprecate, "Retire skills for good");
}

}  // namespace oiab::daemon

#include <fmt/format.h>

#include "config/value.hpp"
#include "core/timestamp.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

void define_next(CLI::App& group, Invocation& invocation) {
    auto parsed = std::make_shared<TriggersCommand>();
    parsed->verb = TriggersVerb::kNext;
    auto after = std::make_shared<std::string>();
    auto* command = add_command(group, "next", "Tell when a cron expression fires; asks no database",
                                "Examples:\n  oiabd triggers next '30 2 * * *' --time-zone Europe/Berlin\n"
                                "  oiabd triggers next '@hourly' --after 2026-10-24T22:00Z --count 6");
    command->add_option("EXPR", parsed->expression, "Five fields, or a word such as @daily")->type_name("")->required();
    command->add_option("--time-zone", parsed->time_zone, "IANA name of the time zone (default: UTC)")
        ->type_name("NAME");
    command->add_option("--after", *after, "Firings after this time (default: now)")->type_name("TIME");
    command->add_option("--count", parsed->count, "How many (default: 5)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1000));
    command->callback([parsed, after, &invocation] {
        if (!after->empty()) {
            parsed->after = core::parse_timestamp(*after);
            if (!parsed->after)
                throw CLI::ValidationError(
                    fmt::format("--after must be a time such as 2026-01-31T12:00:00Z, not {}", config::quote(*after)));
        }
        invocation.command = *parsed;
    });
}

}  // namespace

void define_triggers(CLI::App& app, Invocation& invocation) {
    auto* group = add_command(app, "triggers", "List triggers, fire one, or tell when an expression fires");
    group->require_subcommand(1);
    add_command(*group, "list", "List the triggers, the next to fire first")->callback([&invocation] {
        invocation.command = TriggersCommand{};
    });
    define_next(*group, invocation);

    auto id = std::make_shared<std::string>();
    auto* fire = add_command(*group, "fire", "Fire a trigger now, beside its schedule; prints the firing's job");
    fire->add_option("ID", *id, "The trigger")->type_name("")->required();
    fire->callback([id, &invocation] {
        const auto trigger = core::Uuid::parse(*id);
        if (!trigger)
            throw CLI::ValidationError(fmt::format("{} is no trigger's id; an id is a UUID", config::quote(*id)));
        TriggersCommand command;
        command.verb = TriggersVerb::kFire;
        command.trigger = *trigger;
        invocation.command = command;
    });
}

}  // namespace oiab::daemon

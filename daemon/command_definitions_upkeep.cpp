#include <fmt/format.h>

#include "config/value.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

struct PauseText {
    std::string kind, tenant, reason;
    bool all = false;
};

queue::Pause scope_of(const PauseText& text) {
    queue::Pause what;
    if (text.all) return what;
    if (!text.kind.empty()) {
        what.scope = queue::PauseScope::kKind;
        what.name = text.kind;
        return what;
    }
    const auto tenant = core::TenantId::parse(text.tenant);
    if (!tenant) throw CLI::ValidationError(fmt::format("--tenant must be a UUID, not {}", config::quote(text.tenant)));
    what.scope = queue::PauseScope::kTenant;
    what.name = tenant->to_string();
    return what;
}

void define_pause_or_resume(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& summary,
                            const std::string& footer) {
    const bool resume = name == "resume";
    auto text = std::make_shared<PauseText>();
    auto* command = add_command(app, name, summary, footer);
    command->add_option("--kind", text->kind, "Jobs of this kind")->type_name("KIND");
    command->add_option("--tenant", text->tenant, "Jobs of this tenant")->type_name("UUID");
    command->add_flag("--all", text->all, "All jobs");
    if (!resume) command->add_option("--reason", text->reason, "Told to whoever asks why")->type_name("TEXT");
    command->callback([text, resume, &invocation] {
        PauseCommand parsed{resume, std::nullopt};
        const int scopes = static_cast<int>(text->all) + (text->kind.empty() ? 0 : 1) + (text->tenant.empty() ? 0 : 1);
        const bool needs_one = resume || !text->reason.empty();
        if (scopes > 1 || (scopes == 0 && needs_one))
            throw CLI::ValidationError("say one of --kind KIND, --tenant UUID and --all");
        if (scopes == 1) {
            parsed.what = scope_of(*text);
            parsed.what->reason = text->reason;
        }
        invocation.command = parsed;
    });
}

void define_config(CLI::App& app, Invocation& invocation) {
    auto* group = add_command(app, "config", "Show, check and explain the configuration");
    group->require_subcommand(1);
    const auto add = [&](const char* name, const char* summary, ConfigVerb verb) {
        add_command(*group, name, summary)->callback([&invocation, verb] { invocation.command = ConfigCommand{verb}; });
    };
    add("show", "Print every value and where it came from, secrets masked", ConfigVerb::kShow);
    add("check", "Say whether the configuration can be used", ConfigVerb::kCheck);
    add("example", "Print a configuration file that explains itself", ConfigVerb::kExample);
}

}  // namespace

void define_pause(CLI::App& app, Invocation& invocation) {
    define_pause_or_resume(app, invocation, "pause", "Keep jobs from starting; without a scope: show what is paused",
                           "A pause holds for all workers and survives restarts; what runs already goes on.\n\n"
                           "Examples:\n  oiabd pause --kind send-mail --reason 'mail server moves'\n  oiabd pause");
    define_pause_or_resume(app, invocation, "resume", "Take a pause back", "");
}

void define_upkeep(CLI::App& app, Invocation& invocation) {
    add_command(app, "workers", "List the workers and what they do")->callback([&invocation] {
        invocation.command = WorkersCommand{};
    });

    auto check = std::make_shared<bool>(false);
    auto* migrate = add_command(app, "migrate", "Bring the database's schema up to date");
    migrate->add_flag("--check", *check, "Only say what would change; exit code 3 if anything would");
    migrate->callback([check, &invocation] { invocation.command = MigrateCommand{*check}; });

    define_config(app, invocation);

    auto max_age = std::make_shared<std::string>();
    auto* health = add_command(app, "healthcheck", "Exit with 0 while a worker of this host is alive, else 1",
                               "For containers: HEALTHCHECK CMD [\"oiabd\", \"healthcheck\"]");
    health->add_option("--max-age", *max_age, "How old its last sign of life may be (default: one lease)")
        ->type_name("DURATION");
    health->callback([max_age, &invocation] {
        HealthcheckCommand command;
        if (!max_age->empty()) command.max_age = duration_of("--max-age", *max_age);
        invocation.command = command;
    });

    auto shell = std::make_shared<std::string>();
    auto* completion = add_command(app, "completion", "Print completions for a shell",
                                   "Examples:\n"
                                   "  oiabd completion bash > /etc/bash_completion.d/oiabd\n"
                                   "  oiabd completion zsh > ~/.zfunc/_oiabd\n"
                                   "  oiabd completion fish > ~/.config/fish/completions/oiabd.fish");
    completion->add_option("SHELL", *shell, "bash, zsh or fish")
        ->type_name("")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->callback([shell, &invocation] { invocation.command = CompletionCommand{*shell}; });

    auto page = std::make_shared<std::string>();
    auto* documentation = add_command(app, "documentation", "Print a page made from the tables in this program");
    documentation->group("");  // for the project's own scripts, so help does not list it
    documentation->add_option("PAGE", *page, "configuration, cli or man")
        ->type_name("")
        ->required()
        ->check(CLI::IsMember({"configuration", "cli", "man"}));
    documentation->callback([page, &invocation] { invocation.command = DocumentationCommand{*page}; });

    add_command(app, "version", "Show the version")->callback([&invocation] { invocation.command = VersionCommand{}; });
}

}  // namespace oiab::daemon

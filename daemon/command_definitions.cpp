#include "daemon/command_definitions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/setting_table.hpp"
#include "config/value.hpp"

namespace oiab::daemon {
namespace {

using config::Setting;

constexpr std::string_view kSettingsGroup = "Settings";

std::string capitals_for(const Setting& setting) {
    using namespace config;
    if (std::holds_alternative<DurationAccess>(setting.access)) return "DURATION";
    if (std::holds_alternative<IntegerAccess>(setting.access) || std::holds_alternative<DecimalAccess>(setting.access))
        return "NUMBER";
    if (std::holds_alternative<ListAccess>(setting.access)) return "A,B,...";
    if (const auto* choice = std::get_if<ChoiceAccess>(&setting.access)) {
        std::string names;
        for (const auto name : choice->names) names += (names.empty() ? "" : "|") + std::string{name};
        return names;
    }
    return "TEXT";
}

}  // namespace

core::JobId job_id_of(const std::string& text) {
    if (const auto id = core::JobId::parse(text)) return *id;
    throw CLI::ValidationError(fmt::format("{} is no job id; an id is a UUID", config::quote(text)));
}

std::chrono::milliseconds duration_of(const std::string& option, const std::string& text) {
    const auto duration = config::parse_duration(text);
    if (!duration) throw CLI::ValidationError(fmt::format("{} {}", option, duration.error()));
    return *duration;
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& summary,
                      const std::string& footer) {
    auto* command = parent.add_subcommand(name, summary);
    command->fallthrough();
    command->footer(footer + (footer.empty() ? "" : "\n\n") +
                    "Every command also takes --json, --config FILE and all settings as flags: oiabd --help-all");
    return command;
}

Definitions::Definitions() {
    // One command only, so that `oiabd enqueue jobs` takes `jobs` for a kind.
    app.require_subcommand(0, 1);
    app.set_help_flag("-h,--help", "Show help");
    app.set_help_all_flag("--help-all", "Show help for all commands and settings");
    app.get_formatter()->column_width(32);
    define_top_level();
    define_enqueue(app, invocation);
    define_jobs(app, invocation);
    define_mcp(app, invocation);
    define_chat(app, invocation);
    define_pause(app, invocation);
    define_triggers(app, invocation);
    define_skills(app, invocation);
    define_upkeep(app, invocation);
    define_keyring(app, invocation);
    define_provider(app, invocation);
    define_settings();
}

void Definitions::define_top_level() {
    app.add_flag("--once", is_once, "Claim one due job, run it here, print its outcome as JSON, and end");
    app.add_option("--kind", once.options.kinds, "With --once: only this kind (repeatable; exact or prefix with *)")
        ->type_name("KIND")
        ->allow_extra_args(false);
    app.add_option("--job", once_job_, "With --once: this job, due or not")->type_name("ID");
    app.add_flag("--dry-run", once.options.dry_run, "With --once: tell which job it would be, change nothing");
    app.add_option("-c,--config", config_file_,
                   "Configuration file (default: OIABD_CONFIG, else /etc/oiabd/oiabd.toml if there is one)")
        ->type_name("FILE");
    app.add_flag("--json", is_json, "Answer in JSON, for programs");
    app.add_flag("--version", wants_version, "Show the version");
}

void Definitions::define_settings() {
    for (const auto& setting : config::setting_table()) {
        const auto flag = config::flag_name(setting);
        const auto name = std::string{setting.name};
        const bool is_key = setting.secret && setting.name != "database_url";
        // A key on a command line is readable by every user of the machine, so only its file can be named there.
        if (!is_key) {
            CLI::Option* option = nullptr;
            const std::string summary{config::summary_of(setting)};
            // The parser only gathers what was given; the config layer reads it.
            if (std::holds_alternative<config::SwitchAccess>(setting.access)) {
                option = app.add_flag(flag, texts_[name], summary)->type_name("[=true|false]");
            } else if (std::holds_alternative<config::ListAccess>(setting.access)) {
                option = app.add_option(flag, lists_[name], summary)->allow_extra_args(false);
            } else {
                option = app.add_option(flag, texts_[name], summary);
            }
            if (!std::holds_alternative<config::ListAccess>(setting.access))
                option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
            if (option->get_type_name() != "[=true|false]") option->type_name(capitals_for(setting));
            option->group(std::string{kSettingsGroup});
            settings_[name] = option;
        }
        if (setting.secret)
            settings_[name + "_file"] =
                app.add_option(flag + "-file", texts_[name + "_file"], "A file that holds " + name)
                    ->type_name("FILE")
                    ->group(std::string{kSettingsGroup})
                    ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
}

void Definitions::finish() {
    if (!config_file_.empty()) invocation.config_file = config_file_;
    if (is_json) invocation.form = Form::kJson;
    for (const auto& [name, option] : settings_) {
        if (option->count() == 0) continue;
        // Repeating a list adds to it; of anything else the last one counts.
        if (const auto list = lists_.find(name); list != lists_.end()) {
            invocation.flags.emplace_back(name, fmt::format("{}", fmt::join(list->second, ",")));
        } else {
            invocation.flags.emplace_back(name, texts_.at(name));
        }
    }

    const bool has_command = !app.get_subcommands().empty();
    if (wants_version) {
        invocation.command = VersionCommand{};
        return;
    }
    if (is_once && has_command) throw CLI::ValidationError("--once goes with no command");
    if (!once_job_.empty()) once.options.job = job_id_of(once_job_);
    const bool has_choice = !once.options.kinds.empty() || once.options.job || once.options.dry_run;
    if (!is_once && has_choice) throw CLI::ValidationError("--kind, --job and --dry-run go with --once only");
    if (once.options.job && !once.options.kinds.empty())
        throw CLI::ValidationError("--job already says which job; --kind does not go with it");
    if (is_once) invocation.command = once;
}

}  // namespace oiab::daemon

#include "daemon/documentation.hpp"

#include <fmt/format.h>

#include <optional>

#include "config/setting_table.hpp"
#include "daemon/command_line.hpp"
#include "daemon/commands.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

using config::Setting;

constexpr std::string_view kGenerated =
    "<!-- Made by scripts/config_docs from the program's own tables; edit those. -->\n";

std::string default_of(const Setting& setting) {
    return setting.default_text.empty() ? "empty" : fmt::format("`{}`", setting.default_text);
}

std::string limits_of(const Setting& setting) {
    if (const auto* choice = std::get_if<config::ChoiceAccess>(&setting.access)) {
        std::string names;
        for (const auto name : choice->names) names += fmt::format("{}`{}`", names.empty() ? "" : ", ", name);
        return names;
    }
    if (setting.least.empty()) return "";
    return fmt::format("`{}` to `{}`", setting.least, setting.most);
}

std::string flag_of(const Setting& setting) {
    if (setting.secret && setting.name != "database_url") return config::flag_name(setting) + "-file";
    return config::flag_name(setting);
}

std::string setting_entry(const Setting& setting) {
    const auto limits = limits_of(setting);
    auto text = fmt::format("### `{}`\n\n{}\n\n", setting.name, setting.help);
    text += fmt::format("- type: {}{}\n- default: {}\n- environment: `{}`, flag: `{}`\n", config::type_name(setting),
                        limits.empty() ? "" : ", " + limits, default_of(setting), config::environment_name(setting),
                        flag_of(setting));
    if (setting.secret)
        text += fmt::format(
            "- a secret: also as `{0}_file` (a file that holds it), `{1}_FILE`, `{2}-file`, or the systemd "
            "credential `{0}`\n",
            setting.name, config::environment_name(setting), config::flag_name(setting));
    return text + "\n";
}

/// A table's cell: a bar would end it.
std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) result += c == '|' ? std::string{"\\|"} : std::string{c};
    return result;
}

std::string option_words(const OptionNode& option) {
    std::string words;
    for (const auto& name : option.names) words += (words.empty() ? "" : ", ") + name;
    if (option.names.empty()) return option.value;
    if (option.value.empty()) return words;
    return words + (option.value.starts_with('[') ? "" : " ") + option.value;
}

std::string usage_of(const CommandNode& node, const std::string& words) {
    auto usage = words;
    for (const auto& positional : node.positionals) {
        const auto name = positional.repeatable ? positional.value + "..." : positional.value;
        usage += positional.required ? " " + name : fmt::format(" [{}]", name);
    }
    if (!node.options.empty()) usage += " [flags]";
    return usage;
}

void append_command(std::string& page, const CommandNode& node, const std::string& words) {
    if (node.commands.empty()) {
        page += fmt::format("## `{}`\n\n{}.\n\n    {}\n\n", words, node.summary, usage_of(node, words));
        std::string rows;
        for (const auto* list : {&node.positionals, &node.options})
            for (const auto& option : *list)
                if (option.names.empty() || option.names.back() != "--help")
                    rows += fmt::format("| `{}` | {} |\n", cell(option_words(option)), cell(option.summary));
        if (!rows.empty()) page += "| argument | meaning |\n| --- | --- |\n" + rows + "\n";
    }
    for (const auto& command : node.commands) append_command(page, command, words + " " + command.name);
}

/// Text for roff: backslashes, and dots and quotes at the start of a line, mean something there.
std::string roff(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\') result += "\\e";
        else if (c == '-') result += "\\-";
        else result += c;
    }
    if (result.starts_with('.') || result.starts_with('\'')) result.insert(0, "\\&");
    return result;
}

void append_roff_command(std::string& page, const CommandNode& node, const std::string& words) {
    if (node.commands.empty()) {
        page += fmt::format(".SS {}\n{}.\n", roff(usage_of(node, words)), roff(node.summary));
        for (const auto* list : {&node.positionals, &node.options})
            for (const auto& option : *list)
                if (option.names.empty() || option.names.back() != "--help")
                    page += fmt::format(".TP\n.B {}\n{}.\n", roff(option_words(option)), roff(option.summary));
    }
    for (const auto& command : node.commands) append_roff_command(page, command, words + " " + command.name);
}

constexpr std::string_view kExitCodes[][2] = {
    {"0", "done; the job completed"},
    {"1", "an error: configuration, database, a lost lease"},
    {"2", "the command line makes no sense, or a payload is not JSON"},
    {"3", "nothing to do, no such job, nothing was changed; `migrate --check`: something would change"},
    {"4", "the job failed for good, or was cancelled"},
    {"5", "the job is back to pending, or has not finished in time"},
};

}  // namespace

std::string configuration_page() {
    std::string page = "# Configuration\n\n";
    page += kGenerated;
    page += R"(
Everything has a default but the database. A setting can be given in three ways, of which a later one wins over those
above it:

| way | setting `lease` |
| --- | --- |
| TOML file: `--config FILE`, else `OIABD_CONFIG`, else `/etc/oiabd/oiabd.toml` if there is one | `lease = "60s"` |
| environment; an empty variable counts as unset | `OIABD_LEASE=60s` |
| flag | `--lease 60s` |

`oiabd config show` prints every value with where it came from, secrets masked; `oiabd config check` says whether the
configuration can be used; `oiabd config example` prints a file that explains itself. Settings are read once, at start: a
change needs a restart.

Secrets can also be in a file of their own, named by `<setting>_file`, and are taken from systemd's credentials
(`LoadCredential=database_url:…`), which stand between file and environment. API keys have no flag, because every user of a
machine can read a command line.

Durations carry their unit: `250ms`, `60s`, `15min`, `1h`, `7d`, `1h30min`. Sizes likewise: `512KiB`, `1MiB`, `10MB`. Lists
are TOML lists, and words between commas elsewhere. A mistake in the file is told in one sentence with its line.

)";
    std::optional<config::Section> section;
    for (const auto& setting : config::setting_table()) {
        if (section != setting.section) {
            section = setting.section;
            page += fmt::format("## {}\n\n", config::title_of(setting.section));
        }
        page += setting_entry(setting);
    }
    page += R"(## Kinds of their own

A table `[kind."<kind>"]` sets `timeout`, `stall_timeout`, `retry_base` and `retry_cap` for one kind, or for all kinds with a
prefix where it ends in `*`. The exact kind comes first, then the longest prefix; what such a table leaves out is taken from
the general settings.

    [kind."agent-turn"]
    timeout = "10min"
    retry_base = "10s"

## Handlers that others write

A table `[handlers."<kind>"]` brings in code for a kind (exact, or a prefix with a trailing `*`), and has exactly one of:

| key | way | further keys |
| --- | --- | --- |
| `exec = ["./program", "argument"]` | one process an attempt | `env = ["PATH", "NAME=value"]` (nothing else is inherited), `directory`, `max_output = "1MiB"` |
| `http = "http://host/path"` | an endpoint that takes the job by POST | `unix_socket = "/run/x.sock"`, `headers = { Name = "value" }`, `max_output` |
| `library = "./plugin.so"` | a shared library with the C ABI of `oiab_plugin.h` | |

The four settings of a kind may stand in it as well. Paths are relative to the configuration file. A handler from the file
takes the place of a built-in one of the same kind.

## Servers of tools (MCP)

A table `[mcp.<name>]` brings in the tools of a server of the Model Context Protocol by streamable HTTP; a model calls them
`<name>__<tool>`. The name has letters, digits, `-` and single `_`, at most 32 of them. [mcp.md](mcp.md) tells more.

| key | meaning |
| --- | --- |
| `url = "https://host/mcp"` | the endpoint; required |
| `tenants = ["slug or id"]`, or `"all"` | whose agents see the server; required |
| `unix_socket = "/run/x.sock"` | talk through a socket instead |
| `bearer_token`, `bearer_token_env`, `bearer_token_file` | a token, the environment variable or the file that holds it |
| `headers = { Name = "value" }`, `headers_env`, `headers_file` | headers of every request, likewise |
| `tools = ["read_*", "search"]` | the server's tools that are offered at all; all, unless it says otherwise |
| `trusted = false` | whether the server's hints are believed (reads only, idempotent) |
| `idempotency_key = false` | whether the server recognises a repeated call by its key |
| `timeout = "60s"` | of a tool call |
| `list_timeout = "5s"` | of asking which tools there are; a turn then goes on without them |
| `max_result = "64KiB"` | of a result that a model sees; 256B to 4MiB |
)";
    return page;
}

std::string cli_page() {
    std::string page = "# Command line\n\n";
    page += kGenerated;
    page += R"(
`oiabd` alone is the service. `oiabd --once` runs one job in the foreground. Everything else is a command. All print text for
people, and JSON with `--json`; all take `--config FILE` and every setting of [configuration](configuration.md) as a flag.

## Exit codes

| code | meaning |
| --- | --- |
)";
    for (const auto& [code, meaning] : kExitCodes) page += fmt::format("| {} | {} |\n", code, meaning);
    const auto root = command_tree();
    page +=
        "\n## `oiabd`\n\nThe service: runs jobs until it is told to stop.\n\n| argument | meaning |\n| --- | --- |\n";
    for (const auto& option : root.options)
        if (!option.is_setting)
            page += fmt::format("| `{}` | {} |\n", cell(option_words(option)), cell(option.summary));
    page += "\n";
    for (const auto& command : root.commands) append_command(page, command, "oiabd " + command.name);
    while (page.ends_with("\n\n")) page.pop_back();
    return page;
}

std::string man_page() {
    std::string page = ".\\\" Made by scripts/config_docs from the program's own tables; edit those.\n";
    page += fmt::format(".TH OIABD 1 \"\" \"oiabd {}\"\n", OIAB_VERSION);
    page += R"(.SH NAME
oiabd \- runs the jobs of a PostgreSQL table
.SH SYNOPSIS
.B oiabd
[flags]
.br
.B oiabd \-\-once
[\-\-kind KIND]... [\-\-job ID] [\-\-dry\-run]
.br
.B oiabd
COMMAND [arguments] [flags]
.SH DESCRIPTION
Any SQL client inserts a row into the table jobs; oiabd claims it, runs its handler, and settles it.
Without a command it is the service, which runs until SIGTERM: then it takes no new jobs, lets running ones finish,
cancels them after
.BR \-\-drain\-timeout ,
and leaves what still runs to the lapse of its lease.
.SH OPTIONS
)";
    const auto root = command_tree();
    for (const auto& option : root.options)
        if (!option.is_setting)
            page += fmt::format(".TP\n.B {}\n{}.\n", roff(option_words(option)), roff(option.summary));
    page += ".SH COMMANDS\n";
    for (const auto& command : root.commands) append_roff_command(page, command, command.name);
    page += R"(.SH SETTINGS
Each is a key of the TOML file, a variable of the environment and a flag, in that rising order.
)";
    for (const auto& setting : config::setting_table())
        page += fmt::format(".TP\n.BR {} \", \" {} \", \" {}\n{} Default: {}.\n", roff(setting.name),
                            roff(config::environment_name(setting)), roff(flag_of(setting)), roff(setting.help),
                            setting.default_text.empty() ? "empty" : roff(setting.default_text));
    page += ".SH EXIT STATUS\n";
    for (const auto& [code, meaning] : kExitCodes) page += fmt::format(".TP\n.B {}\n{}.\n", code, roff(meaning));
    page += R"(.SH FILES
.TP
.I /etc/oiabd/oiabd.toml
Read where neither
.B \-\-config
nor OIABD_CONFIG names a file.
.SH EXAMPLES
.nf
OIABD_DATABASE_URL=postgresql://me@localhost/mydb oiabd migrate
oiabd enqueue noop '{"sleepMs": 100}' \-\-wait
oiabd jobs list \-\-status failed
oiabd jobs why 01980f4e\-7f0e\-7bfc\-8d8e\-000000000000
.fi
)";
    return page;
}

int run(const DocumentationCommand& command) {
    if (command.page == "configuration") print(configuration_page());
    else if (command.page == "cli") print(cli_page());
    else print(man_page());
    return kExitDone;
}

}  // namespace oiab::daemon

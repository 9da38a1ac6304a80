#include "daemon/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/nearest.hpp"
#include "config/value.hpp"
#include "daemon/command_definitions.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/help.hpp"

namespace oiab::daemon {
namespace {

/// The commands that were recognised, outermost first.
std::vector<const CLI::App*> path_of(const CLI::App& app) {
    std::vector<const CLI::App*> path{&app};
    while (!path.back()->get_subcommands().empty()) path.push_back(path.back()->get_subcommands().front());
    return path;
}

std::vector<std::string> flags_of(const std::vector<const CLI::App*>& path) {
    std::vector<std::string> flags;
    for (const auto* app : path)
        for (const auto* option : app->get_options())
            for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    return flags;
}

std::vector<std::string> commands_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!command->get_name().empty() && !command->get_group().empty()) names.push_back(command->get_name());
    return names;
}

std::string hint(std::string_view mistyped, const std::vector<std::string>& known) {
    const std::vector<std::string_view> views{known.begin(), known.end()};
    return config::did_you_mean(mistyped, views);
}

/// About the first thing that fits nowhere. What follows it may be a secret, so it is not told.
std::string about_extra(const CLI::App& app, std::string_view first) {
    const auto path = path_of(app);
    if (first.starts_with('-')) {
        const auto flag = first.substr(0, first.find('='));
        const auto flags = flags_of(path);
        const auto file_flag = fmt::format("{}-file", flag);
        if (std::ranges::find(flags, file_flag) != flags.end())
            return fmt::format(
                "{} is a secret, which every user could read on a command line: use {} or the environment", flag,
                file_flag);
        return fmt::format("there is no flag {}{}", config::quote(flag), hint(flag, flags));
    }
    const auto commands = commands_of(*path.back());
    if (commands.empty()) return fmt::format("{} is one argument too many", config::quote(first));
    return fmt::format("there is no command {}{}", config::quote(first), hint(first, commands));
}

/// What stands after the command that was begun, as in `oiabd jobs shw`.
std::string sentence_about(const CLI::App& app, const CLI::ParseError& error) {
    const auto extras = app.remaining(true);
    if (!extras.empty()) return about_extra(app, extras.front());
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        const auto path = path_of(app);
        const auto commands = commands_of(*path.back());
        if (!commands.empty())
            return fmt::format("`oiabd {}` needs one of {}", path.back()->get_name(), fmt::join(commands, ", "));
    }
    std::string text{error.what()};
    std::ranges::replace(text, '\n', ' ');
    while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
    return text;
}

std::string command_words(const CLI::App& app) {
    std::string words;
    for (const auto* command : path_of(app)) words += (words.empty() ? "" : " ") + command->get_name();
    return words;
}

Ending help_for(const CLI::App& app, bool everything) {
    if (everything) return {kExitDone, app.help("", CLI::AppFormatMode::All), ""};
    if (app.get_subcommands().empty()) return {kExitDone, overview(), ""};
    return {kExitDone, app.help(), ""};
}

OptionNode node_of(const CLI::Option& option) {
    OptionNode node;
    for (const auto& name : option.get_snames()) node.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) node.names.push_back("--" + name);
    node.summary = option.get_description();
    node.value = option.get_positional() ? option.get_name(true) : option.get_type_name();
    // A check's own words stand behind a colon: "STATUS:{pending,running}".
    node.value = node.value.substr(0, node.value.find(':'));
    node.required = option.get_required();
    node.repeatable = option.get_items_expected_max() > 1;
    node.is_setting = option.get_group() == "Settings";
    const auto type = option.get_type_name();
    if (const auto open = type.find(":{"); open != std::string::npos)
        node.choices = config::parse_list(std::string_view{type}.substr(open + 2, type.rfind('}') - open - 2));
    if (node.is_setting && type.find('|') != std::string::npos && !type.starts_with('['))
        for (std::string_view rest = type; !rest.empty();) {
            node.choices.emplace_back(rest.substr(0, rest.find('|')));
            rest.remove_prefix(std::min(rest.size(), rest.find('|') == rest.npos ? rest.size() : rest.find('|') + 1));
        }
    return node;
}

void collect_options(const CLI::App& app, CommandNode& node) {
    for (const auto* option : app.get_options()) {
        if (option->get_group().empty() && !option->get_positional()) continue;
        // Every command inherits it, and it tells the same everywhere.
        if (option->check_lname("help-all") && app.get_parent() != nullptr) continue;
        (option->get_positional() ? node.positionals : node.options).push_back(node_of(*option));
    }
}

CommandNode node_of(const CLI::App& app) {
    CommandNode node;
    node.name = app.get_name();
    node.summary = app.get_description();
    collect_options(app, node);
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        // An option group is a nameless subcommand.
        if (command->get_name().empty()) {
            collect_options(*command, node);
        } else if (!command->get_group().empty()) {
            node.commands.push_back(node_of(*command));
        }
    }
    return node;
}

}  // namespace

std::expected<Invocation, Ending> parse_command_line(int argc, const char* const* argv) {
    Definitions definitions;
    auto& app = definitions.app;
    try {
        app.parse(argc, argv);
        definitions.finish();
        return std::move(definitions.invocation);
    } catch (const CLI::CallForAllHelp&) {
        return std::unexpected{help_for(app, true)};
    } catch (const CLI::CallForHelp&) {
        return std::unexpected{help_for(app, false)};
    } catch (const CLI::ParseError& error) {
        const auto sentence = sentence_about(app, error);
        return std::unexpected{Ending{kExitUsage, "",
                                      fmt::format("oiabd: {}{} `{} --help`\n", sentence,
                                                  sentence.ends_with('?') ? " See" : "; see", command_words(app))}};
    }
}

CommandNode command_tree() {
    const Definitions definitions;
    return node_of(definitions.app);
}

}  // namespace oiab::daemon

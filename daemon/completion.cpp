#include "daemon/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "daemon/command_line.hpp"
#include "daemon/commands.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

/// A command with the words that lead to it: "jobs list".
struct Place {
    std::string words;
    const CommandNode* node;
};

void collect_places(const CommandNode& node, const std::string& words, std::vector<Place>& places) {
    places.push_back({words, &node});
    for (const auto& command : node.commands)
        collect_places(command, words.empty() ? command.name : words + " " + command.name, places);
}

std::vector<Place> places_of(const CommandNode& root) {
    std::vector<Place> places;
    collect_places(root, "", places);
    return places;
}

std::vector<std::string> names_of(const CommandNode& node) {
    std::vector<std::string> names;
    for (const auto& command : node.commands) names.push_back(command.name);
    for (const auto& option : node.options) names.insert(names.end(), option.names.begin(), option.names.end());
    for (const auto& positional : node.positionals)
        names.insert(names.end(), positional.choices.begin(), positional.choices.end());
    return names;
}

/// Inside of single quotes.
std::string shell_quoted(std::string_view text) {
    std::string result;
    for (const char c : text) result += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return result;
}

/// Every flag that takes a value, with what to offer for it.
std::map<std::string, const OptionNode*> flags_with_values(const std::vector<Place>& places) {
    std::map<std::string, const OptionNode*> flags;
    for (const auto& place : places)
        for (const auto& option : place.node->options)
            if (!option.value.empty() && !option.value.starts_with('['))
                for (const auto& name : option.names) flags.emplace(name, &option);
    return flags;
}

std::string case_of_values(const std::vector<Place>& places, std::string_view offer_words,
                           std::string_view offer_files) {
    std::string cases;
    std::vector<std::string> silent;
    for (const auto& [name, option] : flags_with_values(places)) {
        if (!option->choices.empty()) {
            cases += fmt::format("        {}) {} ;;\n", name,
                                 fmt::format(fmt::runtime(offer_words), fmt::join(option->choices, " ")));
        } else if (option->value == "FILE") {
            cases += fmt::format("        {}) {} ;;\n", name, offer_files);
        } else {
            silent.push_back(name);
        }
    }
    return cases + fmt::format("        {}) return ;;\n", fmt::join(silent, "|"));
}

}  // namespace

std::string bash_completion(const CommandNode& root) {
    const auto places = places_of(root);
    std::string words;
    for (const auto& place : places)
        words += fmt::format("        '{}') words='{}' ;;\n", place.words, fmt::join(names_of(*place.node), " "));
    std::string known;
    for (const auto& place : places)
        if (!place.words.empty()) known += (known.empty() ? "" : "|") + fmt::format("'{}'", place.words);
    return fmt::format(R"(# bash completion for oiabd, made by `oiabd completion bash`
_oiabd() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} place= next words= i
    COMPREPLY=()
    case $previous in
{0}    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        next="$place${{place:+ }}${{COMP_WORDS[i]}}"
        case $next in
        {1}) place=$next ;;
        esac
    done
    case $place in
{2}    esac
    # The top level's flags go with every command.
    [ -n "$place" ] && [[ $current == -* ]] && words="$words {3}"
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _oiabd oiabd
)",
                       case_of_values(places, "COMPREPLY=($(compgen -W '{}' -- \"$current\")); return",
                                      "COMPREPLY=($(compgen -f -- \"$current\")); return"),
                       known, words, [&] {
                           std::vector<std::string> flags;
                           for (const auto& option : root.options)
                               flags.insert(flags.end(), option.names.begin(), option.names.end());
                           return fmt::format("{}", fmt::join(flags, " "));
                       }());
}

std::string zsh_completion(const CommandNode& root) {
    const auto places = places_of(root);
    std::string arms, known;
    for (const auto& place : places) {
        std::string entries;
        for (const auto& command : place.node->commands)
            entries += fmt::format(" '{}:{}'", command.name, shell_quoted(command.summary));
        for (const auto& positional : place.node->positionals)
            for (const auto& choice : positional.choices) entries += fmt::format(" '{}'", choice);
        for (const auto& option : place.node->options)
            for (const auto& name : option.names)
                entries += fmt::format(" '{}:{}'", name, shell_quoted(option.summary));
        arms += fmt::format("        '{}') entries=({}) ;;\n", place.words, entries);
        if (!place.words.empty()) known += (known.empty() ? "" : "|") + fmt::format("'{}'", place.words);
    }
    return fmt::format(R"(#compdef oiabd
# zsh completion for oiabd, made by `oiabd completion zsh`
_oiabd() {{
    local place= next word
    local -a entries
    case ${{words[CURRENT-1]}} in
{0}    esac
    for word in ${{words[2,CURRENT-1]}}; do
        next="$place${{place:+ }}$word"
        case $next in
        {1}) place=$next ;;
        esac
    done
    case $place in
{2}    esac
    _describe 'oiabd' entries
}}
compdef _oiabd oiabd
)",
                       case_of_values(places, "compadd {}; return", "_files; return"), known, arms);
}

std::string fish_completion(const CommandNode& root) {
    std::string lines{"# fish completion for oiabd, made by `oiabd completion fish`\ncomplete -c oiabd -f\n"};
    const auto options_at = [&](const CommandNode& node, const std::string& condition) {
        for (const auto& option : node.options) {
            std::string line = "complete -c oiabd" + condition;
            for (const auto& name : option.names)
                line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (!option.choices.empty()) line += fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
            else if (option.value == "FILE") line += " -r -F";
            else if (!option.value.empty() && !option.value.starts_with('[')) line += " -x";
            lines += line + fmt::format(" -d '{}'\n", shell_quoted(option.summary));
        }
        for (const auto& positional : node.positionals)
            if (!positional.choices.empty())
                lines += fmt::format("complete -c oiabd{} -a '{}'\n", condition, fmt::join(positional.choices, " "));
    };
    options_at(root, "");
    for (const auto& command : root.commands) {
        lines += fmt::format("complete -c oiabd -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                             shell_quoted(command.summary));
        options_at(command, fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name));
        std::vector<std::string> inner;
        for (const auto& sub : command.commands) inner.push_back(sub.name);
        for (const auto& sub : command.commands) {
            lines += fmt::format(
                "complete -c oiabd -n '__fish_seen_subcommand_from {0}; and not __fish_seen_subcommand_from {1}' -a "
                "{2} "
                "-d '{3}'\n",
                command.name, fmt::join(inner, " "), sub.name, shell_quoted(sub.summary));
            options_at(sub, fmt::format(" -n '__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}'",
                                        command.name, sub.name));
        }
    }
    return lines;
}

int run(const CompletionCommand& command) {
    const auto root = command_tree();
    if (command.shell == "bash") print(bash_completion(root));
    else if (command.shell == "zsh") print(zsh_completion(root));
    else print(fish_completion(root));
    return kExitDone;
}

}  // namespace oiab::daemon

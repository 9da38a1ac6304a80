#pragma once
/// @file  Defines every command and flag for the parser. Private to the command line.

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/command_line.hpp"

namespace oiab::daemon {

/// The parser with what it reads into. Neither copied nor moved: the definitions point into it.
struct Definitions {
    Definitions();
    Definitions(const Definitions&) = delete;
    Definitions& operator=(const Definitions&) = delete;

    CLI::App app{"", "oiabd"};
    Invocation invocation;
    OnceCommand once;
    bool is_once = false;
    bool is_json = false;
    bool wants_version = false;

    /// Checks that no single option can, and moves the settings' flags into the invocation.
    /// @throws CLI::ParseError
    void finish();

private:
    void define_top_level();
    void define_settings();

    std::string config_file_;
    std::string once_job_;
    /// By the setting's name in the file: the flag, and what was given with it.
    std::map<std::string, CLI::Option*> settings_;
    std::map<std::string, std::string> texts_;
    std::map<std::string, std::vector<std::string>> lists_;
};

/// Each adds one command; its callback puts the parsed command into the invocation.
void define_chat(CLI::App& app, Invocation& invocation);
void define_enqueue(CLI::App& app, Invocation& invocation);
void define_jobs(CLI::App& app, Invocation& invocation);
void define_mcp(CLI::App& app, Invocation& invocation);
void define_pause(CLI::App& app, Invocation& invocation);
void define_triggers(CLI::App& app, Invocation& invocation);
void define_skills(CLI::App& app, Invocation& invocation);
void define_upkeep(CLI::App& app, Invocation& invocation);
void define_keyring(CLI::App& app, Invocation& invocation);
void define_provider(CLI::App& app, Invocation& invocation);

/// What the values mean. @throws CLI::ValidationError with a sentence
[[nodiscard]] core::JobId job_id_of(const std::string& text);
[[nodiscard]] std::chrono::milliseconds duration_of(const std::string& option, const std::string& text);

/// A subcommand that also takes the top level's flags.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& summary,
                      const std::string& footer = {});

}  // namespace oiab::daemon

#pragma once
/// @file  Reads the command line. For main.

#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/command_tree.hpp"
#include "daemon/commands.hpp"

namespace oiab::daemon {

struct Invocation {
    std::optional<std::string> config_file;
    /// Settings given as flags: name as in the file, value.
    std::vector<std::pair<std::string, std::string>> flags;
    Form form = Form::kTable;
    Command command;
};

/// The command line ends the program: help was asked for, or it makes no sense.
struct Ending {
    int exit_code = 0;
    std::string out;  ///< for stdout
    std::string err;  ///< for stderr
};

[[nodiscard]] std::expected<Invocation, Ending> parse_command_line(int argc, const char* const* argv);

/// All commands and flags, for help, completion and documents.
[[nodiscard]] CommandNode command_tree();

}  // namespace oiab::daemon

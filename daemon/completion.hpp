#pragma once
/// @file  Completion scripts, written from the description of the command line. Pure.

#include <string>

#include "daemon/command_tree.hpp"

namespace oiab::daemon {

[[nodiscard]] std::string bash_completion(const CommandNode& root);
[[nodiscard]] std::string zsh_completion(const CommandNode& root);
[[nodiscard]] std::string fish_completion(const CommandNode& root);

}  // namespace oiab::daemon

#pragma once
/// @file  The command line described as data, taken from its definition, so that completion, man page and documents
/// cannot differ from it. Values.

#include <string>
#include <vector>

namespace oiab::daemon {

struct OptionNode {
    std::vector<std::string> names;  ///< with dashes; empty for a positional
    std::string value;               ///< what it takes, in capitals; empty for a switch
    std::string summary;
    std::vector<std::string> choices;
    bool required = false;
    bool repeatable = false;
    bool is_setting = false;
};

struct CommandNode {
    std::string name;
    std::string summary;
    std::vector<OptionNode> options;
    std::vector<OptionNode> positionals;
    std::vector<CommandNode> commands;
};

}  // namespace oiab::daemon

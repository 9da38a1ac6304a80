#pragma once
/// @file  Reads a TOML file into keys, values and line numbers, without knowing what they mean. Private to the config
/// layer.

#include <expected>
#include <string>
#include <vector>

#include "config/config_error.hpp"
#include "config/value.hpp"

namespace oiab::config {

struct TomlEntry {
    std::string key;
    RawValue value;
    int line = 0;
};

/// A table inside of another entry, such as `env = { LANG = "C" }`, has the dotted key `env.LANG`.
struct TomlTable {
    std::string group;  ///< of [kind."agent-turn"]: kind
    std::string name;   ///< of [kind."agent-turn"]: agent-turn; empty for the top level and for [group] itself
    std::vector<TomlEntry> entries;
    int line = 0;
};

struct TomlFile {
    std::string path;
    /// The top level first, with an empty group; then every table of a table, in the file's order.
    std::vector<TomlTable> tables;
};

/// Blocks for the read. The error names file and line.
[[nodiscard]] std::expected<TomlFile, ConfigError> load_toml(const std::string& path);
/// The same for text in memory; `path` is for messages.
[[nodiscard]] std::expected<TomlFile, ConfigError> parse_toml(std::string_view text, const std::string& path);

/// A whole small file, such as one that holds a secret, without its last line feed. Blocks.
[[nodiscard]] std::expected<std::string, Problem> load_text(const std::string& path);

}  // namespace oiab::config

#pragma once
/// @file  What a table [mcp.NAME] of a configuration file means. Private to the config layer.

#include <expected>

#include "config/config_error.hpp"
#include "config/load.hpp"
#include "config/toml_file.hpp"

namespace oiab::config {

/// Adds the server to settings.mcp_servers. Reads the files that the table names; blocks for that.
[[nodiscard]] std::expected<void, ConfigError> read_mcp_table(const TomlFile& file, const TomlTable& table,
                                                              const Environment& environment, Settings& settings);

}  // namespace oiab::config

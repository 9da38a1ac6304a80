#pragma once
/// @file  What the tables [kind."…"], [handlers."…"] and [mcp.…] of a configuration file mean. Private to the config
/// layer.

#include <expected>
#include <string>

#include "config/config_error.hpp"
#include "config/load.hpp"
#include "config/toml_file.hpp"

namespace oiab::config {

/// Reads all tables but the top level into settings.kinds, handlers and mcp_servers. The general settings must be final
/// by now: what a kind does not say for itself is taken from them.
[[nodiscard]] std::expected<void, ConfigError> read_tables(const TomlFile& file, const Environment& environment,
                                                           Settings& settings);

}  // namespace oiab::config

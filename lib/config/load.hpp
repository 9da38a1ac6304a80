#pragma once
/// @file  Makes Settings from defaults, file, credentials, environment and flags, in that rising order. For main, once
/// at start; blocks only to read the files.

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config_error.hpp"
#include "config/settings.hpp"

namespace oiab::config {

using Environment = std::map<std::string, std::string, std::less<>>;

/// The process's variables that this layer reads: OIABD_…, DATABASE_URL, CREDENTIALS_DIRECTORY, and those which
/// handlers pass on.
[[nodiscard]] Environment read_environment();

/// Where configuration comes from.
struct Sources {
    /// From --config. It must exist, as must the one that OIABD_CONFIG names.
    std::optional<std::string> file;
    /// Read where no file was named, if it exists.
    std::string default_file = "/etc/oiabd/oiabd.toml";
    Environment environment;
    /// Name as in the file (`lease`, `llm_api_key_file`) and value.
    std::vector<std::pair<std::string, std::string>> flags;
};

/// What every layer overrides.
[[nodiscard]] Settings default_settings();

[[nodiscard]] std::expected<Settings, ConfigError> load(const Sources& sources);

}  // namespace oiab::config

#pragma once
/// @file  One value after the other laid over the settings, each remembering where it came from. Private to the config
/// layer.

#include <array>
#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "config/config_error.hpp"
#include "config/setting_table.hpp"
#include "config/value.hpp"

namespace oiab::config {

class Layers {
public:
    explicit Layers(Settings& settings) : settings_{settings} {}

    /// Lays one value over what is there. `name` is a setting's, or a secret's with `_file` behind it: then the value
    /// is the path of a file that holds it.
    /// @param origin  what to tell, e.g. "/etc/oiabd/oiabd.toml:3"
    [[nodiscard]] std::expected<void, ConfigError> put(std::string_view name, const RawValue& value,
                                                       const std::string& origin);

    /// A file whose content is the secret's value.
    [[nodiscard]] std::expected<void, ConfigError> put_file(const Setting& setting, const std::string& path,
                                                            const std::string& origin);

    [[nodiscard]] std::string origin_of(const Setting& setting) const;

private:
    [[nodiscard]] std::expected<void, ConfigError> put_value(const Setting& setting, const RawValue& value,
                                                             const std::string& origin);

    Settings& settings_;
    std::map<std::string_view, std::string> origins_;
};

/// The setting that `llm_api_key_file` gives a file for; nullptr where the name is not of that form.
[[nodiscard]] const Setting* find_secret_of_file(std::string_view name);

/// Every name that may stand at the file's top level.
[[nodiscard]] std::vector<std::string> known_names();

}  // namespace oiab::config

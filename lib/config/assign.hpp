#pragma once
/// @file  Puts one raw value into one setting: checks type, unit and limits. Private to the config layer.

#include <expected>
#include <string>

#include "config/setting_table.hpp"
#include "config/value.hpp"

namespace oiab::config {

/// On failure nothing was written, and the problem never quotes a secret.
[[nodiscard]] std::expected<void, Problem> assign(const Setting& setting, Settings& settings, const RawValue& value);

/// A duration within the limits of the general setting of the same name.
[[nodiscard]] std::expected<milliseconds, Problem> duration_within(const Setting& limits, const RawValue& value);

/// The setting's present value as it would be written; secrets masked.
[[nodiscard]] std::string shown(const Setting& setting, const Settings& settings);

/// A connection string with its password replaced by stars; all stars where it cannot be told apart for certain.
[[nodiscard]] std::string mask_database_url(const std::string& url);

}  // namespace oiab::config

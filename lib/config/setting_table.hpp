#pragma once
/// @file  The one table of settings. From a row come the TOML key (`lease`), the environment variable (`OIABD_LEASE`),
/// the flag (`--lease`), the value with its limits, and the help text everywhere. Constant data; any thread.

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.hpp"

namespace oiab::config {

enum class Section { kDatabase, kWork, kRetries, kUpkeep, kAgents, kLogs };

/// Where one of a few words picks an enumerator.
struct ChoiceAccess {
    std::span<const std::string_view> names;  ///< in the enumerators' order
    void (*set)(Settings&, std::size_t);
    std::size_t (*get)(const Settings&);
};

using TextAccess = std::string& (*)(Settings&);
using ListAccess = std::vector<std::string>& (*)(Settings&);
using SwitchAccess = bool& (*)(Settings&);
using IntegerAccess = int& (*)(Settings&);
using DecimalAccess = double& (*)(Settings&);
using DurationAccess = milliseconds& (*)(Settings&);

/// Where the value goes; the alternative is also the value's type.
using Access =
    std::variant<TextAccess, ListAccess, SwitchAccess, IntegerAccess, DecimalAccess, DurationAccess, ChoiceAccess>;

struct Setting {
    Section section;
    std::string_view name;  ///< as in TOML: lower case with underscores
    Access access;
    std::string_view default_text;  ///< as it would be written in the environment
    /// Limits, both ends included, as they would be written; empty for none.
    std::string_view least;
    std::string_view most;
    bool secret = false;
    std::string_view help;  ///< sentences; the first one serves as the flag's help
};

[[nodiscard]] std::span<const Setting> setting_table();
/// @returns nullptr for a name that is in no row.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// The four settings that a kind may have for itself, in [kind."…"] and [handlers."…"].
struct KindSetting {
    std::string_view name;  ///< also that of the general setting with its default, limits and help
    milliseconds KindSettings::* member;
};
[[nodiscard]] std::span<const KindSetting> kind_setting_table();

[[nodiscard]] std::string environment_name(const Setting& setting);  ///< OIABD_LEASE
[[nodiscard]] std::string flag_name(const Setting& setting);         ///< --lease
[[nodiscard]] std::string_view type_name(const Setting& setting);    ///< text, list, switch, number, duration, choice
[[nodiscard]] std::string_view title_of(Section section);
/// The first sentence of the help, without its full stop.
[[nodiscard]] std::string_view summary_of(const Setting& setting);

}  // namespace oiab::config

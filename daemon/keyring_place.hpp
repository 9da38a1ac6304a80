#pragma once
/// @file  Where this installation's keyring is. For the service and for the commands that encrypt.

#include "config/settings.hpp"
#include "secrets/keyring_file.hpp"

namespace oiab::daemon {

/// The file that the settings name, else systemd's credential `keyring` where there is one, else ~/.orginabox/.keyring.
/// Reads only the environment.
[[nodiscard]] secrets::KeyringPlace keyring_place(const config::Settings& settings);

}  // namespace oiab::daemon

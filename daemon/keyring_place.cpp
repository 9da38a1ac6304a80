#include "daemon/keyring_place.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace oiab::daemon {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string home() {
    auto directory = variable("HOME");
    if (!directory.empty()) return directory;
    const auto* user = ::getpwuid(::geteuid());
    return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "";
}

}  // namespace

secrets::KeyringPlace keyring_place(const config::Settings& settings) {
    const auto credentials = variable("CREDENTIALS_DIRECTORY");
    const auto& named = settings.agent.keyring_file;
    if (!named.empty()) {
        // A path into the credentials' directory, as a unit file may spell it out, is guarded by that directory.
        const bool guarded = !credentials.empty() && named.starts_with(credentials + "/");
        if (!guarded) return {.path = named};
        return {.path = named, .access = secrets::FileAccess::kAnybody, .writable = false};
    }
    const auto credential = credentials + "/keyring";
    std::error_code ignored;
    if (!credentials.empty() && std::filesystem::exists(credential, ignored))
        return {.path = credential, .access = secrets::FileAccess::kAnybody, .writable = false};
    return {.path = home() + "/.orginabox/.keyring"};
}

}  // namespace oiab::daemon

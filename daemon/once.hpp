#pragma once
/// @file  `oiabd --once`: one job in the foreground. For main.

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/uuid.hpp"

namespace oiab::daemon {

struct OnceOptions {
    std::vector<std::string> kinds;  ///< empty: every kind that has a handler
    std::optional<core::JobId> job;  ///< this one, due or not
    bool dry_run = false;            ///< tell what would be claimed, change nothing
};

/// Claims one job, runs it, prints one JSON object on stdout. Blocks. @returns the exit code.
[[nodiscard]] int run_once(const config::Settings& settings, const OnceOptions& options);

}  // namespace oiab::daemon

#pragma once
/// @file  The service: runs until it is told to stop. For main.

#include "config/settings.hpp"

namespace oiab::daemon {

/// Blocks until SIGTERM or SIGINT has been obeyed. @returns the exit code: 0 when nothing was left behind.
[[nodiscard]] int run_service(const config::Settings& settings);

}  // namespace oiab::daemon

#pragma once
/// @file  Handlers that are programs: one process an attempt. The protocol is in docs/plugins.md.

#include <chrono>
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "oiab/handler.hpp"

namespace oiab::plugin {

struct ExecutableSettings {
    std::vector<std::string> command;                ///< program and arguments, never through a shell
    std::map<std::string, std::string> environment;  ///< all that the program sees besides OIAB_*
    std::string directory;                           ///< working directory; empty: ours
    std::size_t max_output =
        1U << 20U;  ///< bytes of one line on descriptor 3, and of stdout and stderr that are logged
    std::chrono::milliseconds cancel_grace{10'000};  ///< between SIGTERM and SIGKILL
};

/// A handler that starts the program for each attempt. A program that crashes, hangs, floods or lies costs its own job
/// an attempt and nobody else anything.
/// @returns what keeps it from being run at all (not found, not executable), as a sentence.
[[nodiscard]] std::expected<std::shared_ptr<Handler>, std::string> make_executable_handler(ExecutableSettings settings);

}  // namespace oiab::plugin

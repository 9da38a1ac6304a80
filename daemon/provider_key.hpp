#pragma once
/// @file  Reading a key that somebody hands over: from a terminal, a pipe, a file or the environment.

#include "daemon/commands.hpp"
#include "secrets/secret_text.hpp"

namespace oiab::daemon {

/// Blocks until the key is there. Blanks around it are left out.
/// @param provider  asked for by this name
/// @throws std::runtime_error with one sentence where there is none, or where it cannot be read
[[nodiscard]] secrets::SecretText read_key(KeySource source, const std::string& place, const std::string& provider);

}  // namespace oiab::daemon

#pragma once
/// @file  Makes the process's log. For main, once at start.

#include "observe/log.hpp"

namespace oiab::observe {

enum class LogFormat {
    kAuto,  ///< journald where stderr is connected to it, text on a terminal, JSON lines otherwise
    kText,
    kJson,
    kJournald,  ///< structured entries; text on stderr where no journal answers
};

/// Writes to stderr, or to the journal. `default_worker` stands in every JSON line and journal entry as `worker`; empty
/// for none.
[[nodiscard]] Log open_log(Level least, LogFormat format, std::string default_worker = {});

}  // namespace oiab::observe

#pragma once
/// @file  How every subcommand ends; also told in `oiabd --help`, docs/cli.md and the man page.

namespace oiab::daemon {

enum ExitCode : int {
    kExitDone = 0,
    kExitError = 1,    ///< of ours: configuration, database, lease lost
    kExitUsage = 2,    ///< the command line, or a payload that is not JSON
    kExitNothing = 3,  ///< nothing to do, no such job; `migrate --check`: something would change
    kExitFailed = 4,   ///< the job failed for good or was cancelled
    kExitPending = 5,  ///< the job is back to pending, or has not finished in time
};

}  // namespace oiab::daemon

#pragma once
/// @file  The daemon as a service with short times, and the questions that its tests ask.

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "cli.hpp"
#include "support/eventually.hpp"

namespace oiab::tests {

using namespace std::chrono_literals;

/// Short times, so that leases lapse within a test.
inline Cli quick_cli(const TestDatabase& database) {
    Cli cli{database};
    cli.environment["OIABD_DIAGNOSTICS"] = "1";
    cli.environment["OIABD_LEASE"] = "3s";
    cli.environment["OIABD_POLL_INTERVAL"] = "500ms";
    return cli;
}

inline void wait_until_ready(const ChildProcess& daemon) {
    eventually(30s, [&] { return daemon.err().find("\"ready\"") != std::string::npos; }, "the daemon is ready");
}

inline std::string count(TestDatabase& database, const std::string& condition) {
    return database.value("SELECT count(*) FROM jobs WHERE " + condition);
}

}  // namespace oiab::tests

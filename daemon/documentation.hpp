#pragma once
/// @file  The pages docs/configuration.md, docs/cli.md and docs/man/oiabd.1, written from the tables in this program so
/// that they cannot differ from it; scripts/config_docs stores and checks them. Pure.

#include <string>

namespace oiab::daemon {

[[nodiscard]] std::string configuration_page();
[[nodiscard]] std::string cli_page();
[[nodiscard]] std::string man_page();

}  // namespace oiab::daemon

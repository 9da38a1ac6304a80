#pragma once
/// @file  `oiabd --help`: one screen that a newcomer can work from. Pure.

#include <string>

namespace oiab::daemon {

[[nodiscard]] std::string overview();

}  // namespace oiab::daemon

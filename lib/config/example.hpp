#pragma once
/// @file  A configuration file that explains itself: every setting with help and default, commented out. Pure.

#include <string>

namespace oiab::config {

[[nodiscard]] std::string example_file();

}  // namespace oiab::config

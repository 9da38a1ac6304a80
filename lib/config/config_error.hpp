#pragma once
/// @file  Why the configuration cannot be used: one sentence that says where, what, and what would be right.

#include <string>

namespace oiab::config {

struct ConfigError {
    std::string message;
};

}  // namespace oiab::config

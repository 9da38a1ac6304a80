#pragma once
/// @file  Where an address leads to, without what in it may be a secret. Any thread.

#include <optional>
#include <string>

namespace oiab::clients {

/// "https://host:port", or nothing where the URL is no absolute one of http or https. User, path and query may be
/// secrets and stay out.
[[nodiscard]] std::optional<std::string> find_origin(const std::string& url);

}  // namespace oiab::clients

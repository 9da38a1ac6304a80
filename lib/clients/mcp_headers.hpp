#pragma once
/// @file  Values of a message that the Model Context Protocol wants in HTTP headers, too: names, and arguments whose
/// schema says `x-mcp-header`. Pure; any thread.

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "clients/http.hpp"

namespace oiab::clients::mcp {

/// The text as a header's value: as it is where that is safe, otherwise as `=?base64?…?=`.
[[nodiscard]] std::string header_value(std::string_view text);

/// Whether the annotations of a tool's schema keep the rules; a tool whose annotations don't must not be offered.
/// @returns what is wrong with them otherwise
[[nodiscard]] std::expected<void, std::string> check_header_annotations(const nlohmann::json& schema);

/// `Mcp-Param-…` headers for the arguments. The schema must have passed the check.
[[nodiscard]] HttpHeaders parameter_headers(const nlohmann::json& schema, const nlohmann::json& arguments);

}  // namespace oiab::clients::mcp

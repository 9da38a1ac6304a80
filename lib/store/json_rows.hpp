#pragma once
/// @file  Rows as the statements take them that write several from one JSON array. Private to the .cpp files of this
/// layer.

#include <nlohmann/json.hpp>

#include "store/audit.hpp"
#include "store/messages.hpp"
#include "store/usage.hpp"

namespace oiab::store::rows {

[[nodiscard]] nlohmann::json json_row(const AuditEntry& entry);
[[nodiscard]] nlohmann::json json_row(const NewMessage& message);
[[nodiscard]] nlohmann::json json_row(const UsageEvent& event);

}  // namespace oiab::store::rows

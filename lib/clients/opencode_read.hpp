#pragma once
/// @file  Reads what an opencode server sends. Its JSON is foreign: members may be missing or of any type, and then
/// count as absent. Pure; any thread.

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/opencode_values.hpp"

namespace oiab::clients {

/// @returns nullopt where it has no id.
[[nodiscard]] std::optional<OpencodeSession> read_opencode_session(const nlohmann::json& value);
/// @returns nullopt where it has no id or no role.
[[nodiscard]] std::optional<OpencodeMessage> read_opencode_message(const nlohmann::json& value);
/// Those that can be read, in their order. @returns nullopt where it is no array.
[[nodiscard]] std::optional<std::vector<OpencodeMessage>> read_opencode_messages(const nlohmann::json& value);
[[nodiscard]] OpencodePart read_opencode_part(const nlohmann::json& value);
[[nodiscard]] OpencodeStatus read_opencode_status(const nlohmann::json& value);
[[nodiscard]] std::optional<std::vector<OpencodeRequest>> read_opencode_requests(const nlohmann::json& value);
[[nodiscard]] std::optional<OpencodeModels> read_opencode_models(const nlohmann::json& value);
/// An event of the stream. @returns nullopt where it is not JSON or has no type.
[[nodiscard]] std::optional<OpencodeEvent> read_opencode_event(std::string_view data);
/// The server's words for a refusal, at most a few hundred bytes; empty where it gave none.
[[nodiscard]] std::string read_opencode_refusal(std::string_view body);

}  // namespace oiab::clients

#pragma once
/// @file  JSON-RPC messages of the Model Context Protocol: written for a revision, and read from servers that may send
/// anything. Pure; any thread.

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/mcp.hpp"

namespace oiab::clients {

/// What is known of a server once it has been asked. A value.
struct McpPeer {
    bool is_modern = false;  ///< revision 2026-07-28: every request says who asks, and there is no session
    std::string revision;
    std::string server;      ///< its name and version
    std::string session_id;  ///< of older revisions, where the server gave one
};

namespace mcp {

/// Codes of the modern revisions, by which a modern server is known even where it refuses.
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kLegacyError = -32000;  ///< has no meaning of its own; what servers say of unknown sessions

/// The longest message that is read, in bytes.
inline constexpr std::size_t kMaxMessageBytes = 8U << 20U;

[[nodiscard]] bool is_legacy_revision(std::string_view revision);

/// A request or, without an id, a notification. `_meta` is completed as the revision wants it.
[[nodiscard]] std::string write_message(const McpPeer& peer, std::optional<std::int64_t> id, std::string_view method,
                                        nlohmann::json params, const std::string& client_version);
/// The headers that mirror the message: revision, method, name, and the session of older revisions.
[[nodiscard]] HttpHeaders mirror_headers(const McpPeer& peer, std::string_view method, std::string_view name = {});

/// An error object of JSON-RPC.
struct Refusal {
    std::int64_t code = 0;
    std::string message;                 ///< bounded, one line
    std::vector<std::string> supported;  ///< of kUnsupportedVersion

    [[nodiscard]] bool is_modern() const noexcept { return code <= kHeaderMismatch && code >= kUnsupportedVersion; }
};
/// The message's error, or nullopt where it has none.
[[nodiscard]] std::optional<Refusal> find_refusal(const nlohmann::json& message);

/// What a message that comes from a server is to the request with that id.
enum class Meaning { kAnswer, kProgress, kToolsChanged, kRequest, kOther };
/// An error without an id counts as the answer: the server could not read the request's.
[[nodiscard]] Meaning meaning_of(const nlohmann::json& message, std::int64_t id);

/// One page of tools/list. What cannot be offered to a model is left out, with a sentence in `rejected`.
struct ToolPage {
    std::vector<McpTool> tools;
    std::vector<std::string> rejected;
    std::string next_cursor;              ///< empty: it was the last one
    std::chrono::milliseconds fresh{-1};  ///< how long it may be kept; negative: not told
};
/// @returns nullopt where the result is none.
[[nodiscard]] std::optional<ToolPage> read_tool_page(const nlohmann::json& result);

/// A tool's result as text for a model: texts as they are, everything else by a note, cut at `max_bytes` with a note.
/// @returns what is wrong with it otherwise
[[nodiscard]] std::expected<McpAnswer, std::string> read_tool_result(const nlohmann::json& result,
                                                                     std::size_t max_bytes);

/// The name and version that a server tells of itself, bounded; empty where it tells nothing.
[[nodiscard]] std::string read_server_info(const nlohmann::json& info);

}  // namespace mcp
}  // namespace oiab::clients

#pragma once
/// @file  What is said to and heard from a server of the Model Context Protocol, as plain values. What a server says is
/// untrusted; here it has been checked for types and sizes. Any thread.

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/http.hpp"
#include "core/deadline.hpp"

namespace oiab::clients {

/// The revision without sessions, and the one with them that older servers need.
inline constexpr std::string_view kMcpRevision = "2026-07-28";
inline constexpr std::string_view kMcpLegacyRevision = "2025-11-25";
/// How a tool call carries the step's key in `_meta`, besides the header Idempotency-Key.
inline constexpr std::string_view kMcpIdempotencyKey = "io.oiab/idempotency-key";

struct McpServerSettings {
    std::string name;  ///< as configuration calls it; for messages
    std::string url;
    std::string unix_socket;                        ///< path of a socket to talk through instead of TCP; empty for none
    HttpHeaders headers;                            ///< sent with every request; secrets, mostly
    std::chrono::milliseconds timeout{60'000};      ///< of a tool call
    std::chrono::milliseconds list_timeout{5'000};  ///< of finding out what the server is and which tools it has
    std::size_t max_result_bytes = 64U << 10U;      ///< of a result's text; more is cut
    std::string client_version;                     ///< ours, for the server's log
};

struct McpTool {
    std::string name;          ///< the server's own, in any characters
    std::string description;   ///< bounded
    std::string input_schema;  ///< JSON text of an object
    bool read_only = false;    ///< the server's hints, as told
    bool idempotent = false;
};

struct McpListing {
    std::string revision;
    std::string server;  ///< name and version as the server tells them; empty where it doesn't
    std::vector<McpTool> tools;
    std::vector<std::string> rejected;  ///< a sentence for each tool that was left out
};

struct McpCall {
    std::string tool;
    std::string input_schema;  ///< as it was listed: it may ask for headers
    std::string arguments;     ///< JSON text of an object
    std::string idempotency_key;
    core::Deadline deadline = core::Deadline::never();  ///< the server's timeout counts besides
    bool may_repeat = false;                            ///< sending the call twice does no harm
    std::function<void()> on_progress;                  ///< told each progress notification; may be empty
};

struct McpAnswer {
    std::string text;  ///< valid UTF-8 without NUL, bounded
    bool is_error = false;
};

enum class McpFailure {
    kUnavailable,   ///< nothing was done: no connection, or the server asks to come back later
    kUnauthorized,  ///< 401 or 403: nothing was done
    kRefused,       ///< the server answered that it will not, or that there is no such thing
    kUnusable,      ///< an answer came, but it cannot be read; a call may have been carried out
    kUnknown,       ///< the request went out and no answer came: it may have been carried out
    kTimeout,       ///< likewise, because the time was over
    kCancelled,     ///< the caller's cancellation; the server has been told
};

struct McpError {
    McpFailure kind = McpFailure::kUnavailable;
    std::string message;  ///< names the server; in the server's words where it had any: bounded, one line, no secrets
    std::optional<std::chrono::milliseconds> retry_after;
};

}  // namespace oiab::clients

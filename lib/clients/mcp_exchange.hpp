#pragma once
/// @file  One message of the Model Context Protocol and what comes back, by streamable HTTP: JSON, or a stream of
/// events that ends with the answer. Any thread; a coroutine's own.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <nlohmann/json.hpp>

#include "clients/call_error.hpp"
#include "clients/http_client.hpp"

namespace oiab::clients {

struct McpExchange {
    HttpRequest request;
    std::int64_t id = 0;  ///< of the JSON-RPC request; 0 for a notification
    /// The stream may be opened again where it breaks, from its last event on, as older revisions allow.
    bool may_resume = false;
    std::function<void()> on_progress;       ///< may be empty, like the others
    std::function<void()> on_tools_changed;  ///< the server says that its list of tools is another now
    /// The server asks something of us, as older revisions allow; awaited before the stream is read on.
    std::function<boost::asio::awaitable<void>(nlohmann::json)> on_request;
};

struct McpReply {
    HttpHead head;
    nlohmann::json message;  ///< the answer to our id; discarded where the body held none

    [[nodiscard]] int status() const noexcept { return head.status; }
};

/// Sends it and waits for the answer, whatever its status. `request.deadline` counts for all of it, also for a stream
/// that was opened again. The coroutine's cancellation slot closes the connection.
[[nodiscard]] boost::asio::awaitable<std::expected<McpReply, CallError>> exchange(HttpClient& http, McpExchange what);

}  // namespace oiab::clients

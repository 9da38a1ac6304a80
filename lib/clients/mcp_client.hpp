#pragma once
/// @file  A server of the Model Context Protocol by streamable HTTP: which tools it has, and calling them. Speaks
/// revision 2026-07-28, and 2025-11-25 with servers that know no newer one. Thread-safe: one for each configured server
/// and process, shared by all coroutines.

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>

#include "clients/mcp_connection.hpp"

namespace oiab::clients {

class McpClient {
public:
    /// `http` and `clock` outlive the client.
    McpClient(HttpClient& http, McpServerSettings settings, const core::Clock& clock);

    [[nodiscard]] const McpServerSettings& settings() const noexcept { return connection_.settings(); }

    /// The tools that the server has, asked anew where what is known is too old. One coroutine asks for all that wait.
    /// Takes no longer than settings().list_timeout, or until the deadline.
    [[nodiscard]] boost::asio::awaitable<std::expected<McpListing, McpError>> list(core::Deadline deadline);

    /// Calls a tool, for no longer than settings().timeout. Sent once, unless the server says that it did not take it
    /// (a session that has ended, a revision that it doesn't speak, headers that it misses). Cancelled, or late, the
    /// call is cancelled at the server, too.
    [[nodiscard]] boost::asio::awaitable<std::expected<McpAnswer, McpError>> call(McpCall call);

    /// Ends the session of an older revision. Waits for at most two seconds; for the end of a process.
    [[nodiscard]] boost::asio::awaitable<void> close() { return connection_.close(); }

private:
    using Listing = std::expected<McpListing, McpError>;
    using Answer = std::expected<McpAnswer, McpError>;
    struct Sent;

    [[nodiscard]] boost::asio::awaitable<Listing> fetch(core::Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<Sent> send_page(McpPeer peer, std::string cursor, core::Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<Sent> send_call(McpPeer peer, const McpCall& call, core::Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<void> renew_schema(McpCall& call, core::Deadline deadline);
    [[nodiscard]] std::optional<Listing> find_fresh() const;
    void keep(const Listing& listing, std::chrono::milliseconds fresh);
    void mark_stale();

    McpConnection connection_;
    Turnstile turnstile_;
    mutable std::mutex mutex_;
    std::optional<Listing> listing_;
    core::Deadline fresh_until_ = core::Deadline{core::SteadyTime::min()};
};

}  // namespace oiab::clients

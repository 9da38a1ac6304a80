#pragma once
/// @file  What is known of one server of the Model Context Protocol, and how it is found out: which revision it speaks,
/// and the session that older ones want. Thread-safe; shared by all coroutines of a process.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <expected>
#include <mutex>
#include <optional>

#include "clients/mcp_exchange.hpp"
#include "clients/mcp_message.hpp"
#include "clients/turnstile.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// A message on its way out.
struct McpOutgoing {
    std::string method;
    nlohmann::json params;  ///< null for none
    std::string name;       ///< of the tool, for a header
    HttpHeaders headers;    ///< besides
    core::Deadline deadline = core::Deadline::never();
    bool may_repeat = true;  ///< receiving it twice does the server no harm
    std::function<void()> on_progress;
    std::function<void()> on_tools_changed;
};

class McpConnection {
public:
    McpConnection(HttpClient& http, McpServerSettings settings, const core::Clock& clock);

    [[nodiscard]] const McpServerSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] const core::Clock& clock() const noexcept { return clock_; }

    /// The server as it is known, or as it says when asked now. One coroutine asks at a time; a failure counts for two
    /// seconds for those who waited.
    [[nodiscard]] boost::asio::awaitable<std::expected<McpPeer, McpError>> connect(core::Deadline deadline);
    /// It is no longer what it was (a restart, an upgrade, a session that has ended): the next connect() asks again.
    void forget(const McpPeer& stale);
    /// What is known now, without asking.
    [[nodiscard]] std::optional<McpPeer> known() const;

    /// Sends a request; an error is one of the connection. `id` is set to the request's
    /// where it is not null.
    [[nodiscard]] boost::asio::awaitable<std::expected<McpReply, CallError>> send(McpPeer peer, McpOutgoing out,
                                                                                  std::int64_t* id);
    /// Sends a notification. Whether it arrived matters to nobody.
    [[nodiscard]] boost::asio::awaitable<std::optional<HttpHead>> notify(McpPeer peer, std::string method,
                                                                         nlohmann::json params,
                                                                         core::Deadline deadline);
    /// Ends the session where there is one. Waits for at most two seconds.
    [[nodiscard]] boost::asio::awaitable<void> close();

    /// The reply refuses us as one that the server does not know (any more): connect() anew, then repeat.
    [[nodiscard]] static bool is_stranger(const McpPeer& peer, const McpReply& reply);
    /// The result of a reply, or what its lack means.
    [[nodiscard]] std::expected<nlohmann::json, McpError> result_of(const McpReply& reply) const;
    /// @param may_repeat  as the request said: of one that may be repeated, nobody knows any more whether it was sent
    [[nodiscard]] McpError error_of(const CallError& error, bool may_repeat = false) const;
    [[nodiscard]] McpError error(McpFailure kind, std::string_view what) const;
    /// The text without our credentials: some servers quote what they were sent.
    [[nodiscard]] std::string without_secrets(std::string text) const;
    /// The same with every text in it: before anything is cut, since half of a secret is not recognised any more.
    [[nodiscard]] nlohmann::json without_secrets_in(nlohmann::json value) const;

private:
    using Greeting = std::expected<McpPeer, McpError>;
    [[nodiscard]] boost::asio::awaitable<Greeting> greet(core::Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<Greeting> initialize(core::Deadline deadline);
    [[nodiscard]] boost::asio::awaitable<void> answer(McpPeer peer, nlohmann::json request, core::Deadline deadline);
    [[nodiscard]] HttpRequest make_request(const McpPeer& peer, std::string method, std::string name, std::string body,
                                           core::Deadline deadline) const;

    HttpClient& http_;
    const McpServerSettings settings_;
    const core::Clock& clock_;
    std::atomic<std::int64_t> next_id_{1};
    Turnstile turnstile_;
    mutable std::mutex mutex_;
    std::optional<McpPeer> peer_;
    std::optional<McpError> failure_;
    core::Deadline failure_counts_ = core::Deadline{core::SteadyTime::min()};
};

}  // namespace oiab::clients

#pragma once
/// @file  The process's HTTP client: one thread, one curl_multi, any number of exchanges awaited by coroutines.
/// Connections are reused, HTTP/2 is spoken over TLS, certificates are always verified, redirects are not followed.
/// Executors of coroutines that wait here must outlive the client.
/// Thread-safe; the thread starts with the first request, so a client that is never used costs nothing.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "clients/call_error.hpp"
#include "clients/http.hpp"

namespace oiab::clients {

namespace asio = boost::asio;

class HttpLoop;
class HttpTransfer;

struct HttpClientSettings {
    std::size_t max_idle_connections = 64;
    std::size_t max_connections_per_host = 0;  ///< requests beyond it wait for a free one; zero for no limit
    /// How much of a streamed body may wait unread before the connection is no longer read (back-pressure).
    std::size_t stream_buffer_bytes = 256U << 10U;
    std::optional<std::string> proxy;  ///< empty: none; unset: http_proxy, https_proxy, all_proxy, no_proxy decide
    std::string ca_file;               ///< PEM bundle instead of the system's; empty for the system's
    std::string user_agent = "oiabd";
};

/// An answer whose head has arrived and whose body is still coming. Move-only; destroying it before the end closes the
/// connection. One reader at a time. It may outlive the client, which then answers kCancelled.
class HttpStream {
public:
    HttpStream(HttpStream&&) noexcept;
    HttpStream& operator=(HttpStream&&) noexcept;
    ~HttpStream();

    [[nodiscard]] const HttpHead& head() const noexcept { return head_; }

    /// Waits for more of the body.
    /// @returns what has arrived since, never empty; an empty string once the body is complete; or what broke it.
    [[nodiscard]] asio::awaitable<std::expected<std::string, CallError>> read();

    /// Nothing more is wanted: what little is left of the body is thrown away, so that the connection can be used
    /// again; after a second it is closed. Returns at once.
    void finish() noexcept;

private:
    friend class HttpClient;
    HttpStream(std::shared_ptr<HttpTransfer> transfer, HttpHead head) noexcept;

    std::shared_ptr<HttpTransfer> transfer_;
    HttpHead head_;
};

class HttpClient {
public:
    explicit HttpClient(HttpClientSettings settings = {});
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    /// Ends every exchange with kCancelled and joins the thread.
    ~HttpClient();

    /// Sends and collects the whole answer, whatever its status. The coroutine resumes on its own executor; its
    /// cancellation slot closes the connection. Never throws for what the network does.
    [[nodiscard]] asio::awaitable<std::expected<HttpResponse, CallError>> send(HttpRequest request);

    /// Sends and returns as soon as the head is there.
    [[nodiscard]] asio::awaitable<std::expected<HttpStream, CallError>> open(HttpRequest request);

    /// Idempotent, any thread: ends every exchange with kCancelled and refuses new ones.
    void request_stop() noexcept;

private:
    std::shared_ptr<HttpLoop> loop_;
};

}  // namespace oiab::clients

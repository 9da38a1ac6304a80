#pragma once
/// @file  One exchange: shared by the HTTP thread, which fills it, and one coroutine, which waits for it.
/// Private to the HTTP client. The part under the mutex is any thread's; the curl handle is the HTTP thread's alone.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <curl/curl.h>

#include "clients/http_client.hpp"

namespace oiab::clients {

/// A coroutine that is suspended until the exchange has got somewhere. Always resumed exactly once.
class TransferWaiter {
public:
    virtual ~TransferWaiter() = default;
    /// Posts the coroutine to its own executor; never runs it here.
    virtual void resume() = 0;
};

/// See the file's note on threads.
class HttpTransfer : public std::enable_shared_from_this<HttpTransfer> {
public:
    enum class Until { kHead, kData, kEnd };
    enum class Mode { kWhole, kStreamed };

    HttpTransfer(HttpRequest request, Mode mode, std::size_t stream_buffer_bytes);
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;
    ~HttpTransfer();

    // --- the coroutine's side ---

    /// Hands the exchange to the loop, which cancel() and take_data() reach from now on.
    void start_on(const std::shared_ptr<HttpLoop>& loop);
    /// Suspends until the exchange has come so far, or has ended, whichever is first.
    [[nodiscard]] asio::awaitable<void> wait(Until until);
    /// The head, or why there will be none. After wait(kHead) or wait(kEnd).
    [[nodiscard]] std::expected<HttpHead, CallError> head();
    /// Takes what has arrived of the body; empty means complete. What arrived before a break is delivered first.
    [[nodiscard]] std::expected<std::string, CallError> take_data();
    /// The complete answer or why there is none. After wait(kEnd).
    [[nodiscard]] std::expected<HttpResponse, CallError> take_response();
    /// Asks the HTTP thread to close the connection. Idempotent, any thread.
    void cancel() noexcept;
    /// Throws away what is still to come and ends the exchange within a second. Nobody waits for it any more.
    void discard_rest() noexcept;

    // --- the HTTP thread's side ---

    /// Prepares the curl handle, or says what is wrong with the request.
    [[nodiscard]] std::expected<CURL*, CallError> begin(const HttpClientSettings& settings);
    /// Ends the exchange as curl reports it.
    void finish(CURLcode code);
    /// Ends the exchange for a reason of ours; the curl handle, if any, has left the multi handle.
    void abandon(CallError error);
    /// The error of an exchange that is cancelled in its present state.
    [[nodiscard]] CallError cancelled() const;
    /// Reads on after back-pressure had stopped reading.
    void resume_reading();
    [[nodiscard]] CURL* handle() const noexcept { return easy_; }

private:
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
    /// Before each sending of the request: libcurl sends again by itself where a kept connection dies before an answer.
    static int on_sending(void* self, char* peer, char* own, int peer_port, int own_port) noexcept;
    static curl_socket_t on_connecting(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;
    /// With a proxy or without, so that it is known whose address is connected to.
    void bind_to_public(const HttpClientSettings& settings);
    bool take_header_line(std::string_view line);
    std::size_t take_body(std::string_view data);
    void end(std::optional<CallError> error);
    void set_waiter(std::unique_ptr<TransferWaiter> waiter, Until until);
    void wake_if_due(std::unique_lock<std::mutex> lock);
    [[nodiscard]] std::optional<CallError> fault_of_request();
    void configure(const HttpClientSettings& settings);
    void configure_body();
    [[nodiscard]] CallError describe(CURLcode code) const;
    [[nodiscard]] Repeat repeat() const;
    /// On this way to the server: the request, and what a proxy was told before it.
    [[nodiscard]] long bytes_sent() const;
    void release_handle() noexcept;

    const HttpRequest request_;
    const Mode mode_;
    const std::size_t stream_buffer_bytes_;
    std::string origin_;

    CURL* easy_ = nullptr;
    curl_slist* header_list_ = nullptr;
    char curl_message_[CURL_ERROR_SIZE] = {};
    std::size_t header_bytes_ = 0;
    std::size_t body_bytes_ = 0;
    std::optional<std::string> breach_;  ///< which bound was passed
    std::optional<long> sent_before_;    ///< bytes_sent() before the request was sent for the first time
    bool second_sending_ = false;        ///< libcurl was about to do what only the caller may decide
    bool checks_address_ = false;        ///< whose connection it is must be public
    bool was_private_ = false;           ///< and was not

    std::mutex mutex_;
    std::shared_ptr<HttpLoop> loop_;
    HttpHead head_;
    bool head_complete_ = false;
    std::string buffer_;
    bool paused_ = false;
    bool discarding_ = false;
    bool ended_ = false;
    std::optional<CallError> error_;
    std::unique_ptr<TransferWaiter> waiter_;
    Until until_ = Until::kEnd;
};

}  // namespace oiab::clients

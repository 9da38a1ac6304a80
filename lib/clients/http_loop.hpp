#pragma once
/// @file  The HTTP thread: curl_multi driven by epoll, asleep while nothing moves. Private to the HTTP client.

#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "clients/http_client.hpp"
#include "core/deadline.hpp"

namespace oiab::clients {

class HttpLoop : public std::enable_shared_from_this<HttpLoop> {
public:
    explicit HttpLoop(HttpClientSettings settings);
    HttpLoop(const HttpLoop&) = delete;
    HttpLoop& operator=(const HttpLoop&) = delete;
    ~HttpLoop();  ///< Asserts that the thread has been joined where there was one.

    /// Any thread; each returns at once. The first start() starts the thread. After stop() every start ends cancelled.
    void start(std::shared_ptr<HttpTransfer> transfer);
    void cancel(std::shared_ptr<HttpTransfer> transfer) noexcept;
    void resume(std::shared_ptr<HttpTransfer> transfer) noexcept;
    /// Resumes, and cancels what has not ended after a second.
    void let_end(std::shared_ptr<HttpTransfer> transfer) noexcept;

    void request_stop() noexcept;
    /// Waits for the thread. For the owner only, after request_stop().
    void join();

    [[nodiscard]] const HttpClientSettings& settings() const noexcept { return settings_; }

private:
    enum class Verb { kStart, kCancel, kResume, kLetEnd };
    struct Command {
        Verb verb;
        std::shared_ptr<HttpTransfer> transfer;
    };

    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);

    bool submit(Command command) noexcept;
    void wake() noexcept;
    void ensure_thread();
    void run();
    void carry_out(const Command& command);
    void begin(const std::shared_ptr<HttpTransfer>& transfer);
    void cancel_now(const std::shared_ptr<HttpTransfer>& transfer);
    void cancel_lingering();
    void wait_for_events();
    void collect_finished();
    void abandon_all();

    const HttpClientSettings settings_;
    int epoll_ = -1;
    int wakeup_ = -1;
    CURLM* multi_ = nullptr;
    core::Deadline timer_ = core::Deadline::never();
    std::deque<std::pair<core::Deadline, std::weak_ptr<HttpTransfer>>> lingering_;  ///< earliest deadline first
    std::unordered_map<CURL*, std::shared_ptr<HttpTransfer>> active_;

    std::mutex mutex_;
    std::vector<Command> commands_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace oiab::clients

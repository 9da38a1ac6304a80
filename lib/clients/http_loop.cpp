#include "clients/http_loop.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <limits>
#include <system_error>
#include <utility>

#include "clients/http_transfer.hpp"

namespace oiab::clients {
namespace {

constexpr std::chrono::seconds kLongestLingering{1};

/// libcurl's own process-wide state; it lives as long as the process, since other users of libcurl may share it.
void initialise_curl_once() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl cannot be initialised");
    });
}

}  // namespace

HttpLoop::HttpLoop(HttpClientSettings settings) : settings_{std::move(settings)} {}

HttpLoop::~HttpLoop() {
    assert(!thread_.joinable() && "the HTTP thread must be joined before its loop goes");
    if (epoll_ >= 0) close(epoll_);
    if (wakeup_ >= 0) close(wakeup_);
}

// --- any thread ---

void HttpLoop::start(std::shared_ptr<HttpTransfer> transfer) {
    CallError refusal{CallFailure::kCancelled, "the HTTP client has stopped", Repeat::kSafe};
    try {
        const std::scoped_lock lock{mutex_};
        if (!stopping_) {
            ensure_thread();
            commands_.push_back({Verb::kStart, std::move(transfer)});
            wake();
            return;
        }
    } catch (const std::exception& failure) {
        refusal = {CallFailure::kConnect, std::string{"the HTTP client cannot start: "} + failure.what(),
                   Repeat::kSafe};
    }
    transfer->abandon(std::move(refusal));
}

bool HttpLoop::submit(Command command) noexcept {
    const std::scoped_lock lock{mutex_};
    if (stopping_ || !thread_.joinable()) return false;
    commands_.push_back(std::move(command));
    wake();
    return true;
}

void HttpLoop::cancel(std::shared_ptr<HttpTransfer> transfer) noexcept {
    // Refused only while stopping, and then everything is cancelled anyway.
    static_cast<void>(submit({Verb::kCancel, std::move(transfer)}));
}

void HttpLoop::resume(std::shared_ptr<HttpTransfer> transfer) noexcept {
    static_cast<void>(submit({Verb::kResume, std::move(transfer)}));
}

void HttpLoop::let_end(std::shared_ptr<HttpTransfer> transfer) noexcept {
    static_cast<void>(submit({Verb::kLetEnd, std::move(transfer)}));
}

void HttpLoop::request_stop() noexcept {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
    if (thread_.joinable()) wake();
}

void HttpLoop::join() {
    if (thread_.joinable()) thread_.join();
}

void HttpLoop::wake() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the thread is about to wake already.
    static_cast<void>(write(wakeup_, &one, sizeof one));
}

void HttpLoop::ensure_thread() {
    if (thread_.joinable()) return;
    initialise_curl_once();
    if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (wakeup_ < 0) wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wakeup_;
    if (epoll_ < 0 || wakeup_ < 0 || (epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0 && errno != EEXIST)) {
        throw std::system_error(errno, std::generic_category(), "no descriptors for the HTTP thread");
    }
    // Signals are the control thread's business; SIGPIPE from a broken connection would be too. The mask is inherited.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread{[this] { run(); }};
    } catch (...) {  // restored and passed on
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), "oiab-http");
}

// --- the HTTP thread ---

void HttpLoop::run() {
    multi_ = curl_multi_init();
    const auto idle = static_cast<long>(settings_.max_idle_connections);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, idle);
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(settings_.max_connections_per_host));
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &HttpLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &HttpLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    while (true) {
        std::vector<Command> commands;
        {
            const std::scoped_lock lock{mutex_};
            commands.swap(commands_);
            if (stopping_) {
                commands_.swap(commands);
                break;
            }
        }
        for (const Command& command : commands) carry_out(command);
        collect_finished();
        wait_for_events();
        collect_finished();
        cancel_lingering();
    }
    abandon_all();
    curl_multi_cleanup(multi_);
    multi_ = nullptr;
}

void HttpLoop::carry_out(const Command& command) {
    const auto& transfer = command.transfer;
    switch (command.verb) {
        case Verb::kStart: begin(transfer); return;
        case Verb::kResume: transfer->resume_reading(); return;
        case Verb::kCancel: cancel_now(transfer); return;
        case Verb::kLetEnd: break;
    }
    lingering_.emplace_back(core::Deadline::after(kLongestLingering), transfer);
    transfer->resume_reading();
}

void HttpLoop::cancel_lingering() {
    while (!lingering_.empty() && lingering_.front().first.reached()) {
        if (const auto transfer = lingering_.front().second.lock()) cancel_now(transfer);
        lingering_.pop_front();
    }
}

void HttpLoop::cancel_now(const std::shared_ptr<HttpTransfer>& transfer) {
    const auto found = active_.find(transfer->handle());
    if (found == active_.end()) return;
    CallError error = transfer->cancelled();
    // Removing an unfinished exchange closes its connection, or resets its HTTP/2 stream.
    curl_multi_remove_handle(multi_, transfer->handle());
    active_.erase(found);
    transfer->abandon(std::move(error));
}

void HttpLoop::begin(const std::shared_ptr<HttpTransfer>& transfer) {
    auto easy = transfer->begin(settings_);
    if (!easy) {
        transfer->abandon(std::move(easy.error()));
        return;
    }
    active_.emplace(*easy, transfer);
    if (const CURLMcode code = curl_multi_add_handle(multi_, *easy); code != CURLM_OK) {
        active_.erase(*easy);
        transfer->abandon({CallFailure::kConnect, curl_multi_strerror(code), Repeat::kSafe});
    }
}

void HttpLoop::wait_for_events() {
    int wait_ms = -1;
    const core::Deadline next = lingering_.empty() ? timer_ : timer_.or_earlier(lingering_.front().first);
    if (next.at() != core::Deadline::never().at()) {
        // Rounded up, or the last fraction of a millisecond would be spent spinning.
        const auto left = next.left() + std::chrono::milliseconds{next.reached() ? 0 : 1};
        wait_ms = static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
    }
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
    int running = 0;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wakeup_) {
            std::uint64_t ignored = 0;
            static_cast<void>(!read(wakeup_, &ignored, sizeof ignored));
            continue;
        }
        // A hang-up or an error is learnt by reading or writing, which also gets what arrived before it.
        int what = 0;
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) what |= CURL_CSELECT_IN;
        if ((event.events & (EPOLLOUT | EPOLLERR)) != 0) what |= CURL_CSELECT_OUT;
        curl_multi_socket_action(multi_, event.data.fd, what, &running);
    }
    if (timer_.reached()) {
        timer_ = core::Deadline::never();
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

void HttpLoop::collect_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const easy = message->easy_handle;
        const CURLcode code = message->data.result;  // the message dies with the removal
        curl_multi_remove_handle(multi_, easy);
        if (auto node = active_.extract(easy)) node.mapped()->finish(code);
    }
}

void HttpLoop::abandon_all() {
    for (auto& [easy, transfer] : std::exchange(active_, {})) {
        CallError error = transfer->cancelled();
        curl_multi_remove_handle(multi_, easy);
        transfer->abandon(std::move(error));
    }
    std::vector<Command> commands;
    {
        const std::scoped_lock lock{mutex_};
        commands.swap(commands_);
    }
    for (const Command& command : commands) {
        if (command.verb == Verb::kStart) command.transfer->abandon(command.transfer->cancelled());
    }
}

int HttpLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    const int epoll = static_cast<HttpLoop*>(self)->epoll_;
    if (what == CURL_POLL_REMOVE) {
        // The descriptor may be closed already, which removed it as well.
        static_cast<void>(epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr));
        return 0;
    }
    epoll_event event{};
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    event.data.fd = socket;
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0) {
        static_cast<void>(epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event));
    }
    return 0;
}

int HttpLoop::on_timer(CURLM*, long timeout_ms, void* self) {
    auto& timer = static_cast<HttpLoop*>(self)->timer_;
    timer = timeout_ms < 0 ? core::Deadline::never() : core::Deadline::after(std::chrono::milliseconds{timeout_ms});
    return 0;
}

}  // namespace oiab::clients

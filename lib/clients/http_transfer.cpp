#include "clients/http_transfer.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <cstring>
#include <utility>

#include "clients/http_loop.hpp"

namespace oiab::clients {
namespace {

template <typename Handler>
class WaiterOf final : public TransferWaiter {
public:
    explicit WaiterOf(Handler handler)
        : executor_{asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked)},
          handler_{std::move(handler)} {}
    void resume() override { asio::post(executor_, std::move(handler_)); }

private:
    // Tracked, and no work guard: that keeps an untracked copy besides, which may outlive the caller's context.
    std::decay_t<decltype(asio::prefer(std::declval<asio::associated_executor_t<Handler>>(),
                                       asio::execution::outstanding_work.tracked))>
        executor_;
    Handler handler_;
};

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

}  // namespace

HttpTransfer::HttpTransfer(HttpRequest request, Mode mode, std::size_t stream_buffer_bytes)
    : request_{std::move(request)}, mode_{mode}, stream_buffer_bytes_{stream_buffer_bytes} {}

HttpTransfer::~HttpTransfer() { release_handle(); }

void HttpTransfer::release_handle() noexcept {
    curl_easy_cleanup(easy_);
    easy_ = nullptr;
    curl_slist_free_all(header_list_);
    header_list_ = nullptr;
}

// --- the coroutine's side ---

void HttpTransfer::start_on(const std::shared_ptr<HttpLoop>& loop) {
    {
        const std::scoped_lock lock{mutex_};
        loop_ = loop;
    }
    loop->start(shared_from_this());
}

asio::awaitable<void> HttpTransfer::wait(Until until) {
    auto initiation = [self = shared_from_this(), until](auto handler) {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            slot.assign([weak = self->weak_from_this()](asio::cancellation_type) {
                if (auto transfer = weak.lock()) transfer->cancel();
            });
        }
        using Waiter = WaiterOf<std::decay_t<decltype(handler)>>;
        self->set_waiter(std::make_unique<Waiter>(std::move(handler)), until);
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiation), asio::use_awaitable);
}

void HttpTransfer::set_waiter(std::unique_ptr<TransferWaiter> waiter, Until until) {
    std::unique_lock lock{mutex_};
    waiter_ = std::move(waiter);
    until_ = until;
    wake_if_due(std::move(lock));
}

void HttpTransfer::wake_if_due(std::unique_lock<std::mutex> lock) {
    const bool due =
        ended_ || (until_ == Until::kHead && head_complete_) || (until_ == Until::kData && !buffer_.empty());
    if (!due || !waiter_) return;
    const auto waiter = std::exchange(waiter_, nullptr);
    lock.unlock();
    waiter->resume();
}

std::expected<HttpHead, CallError> HttpTransfer::head() {
    const std::scoped_lock lock{mutex_};
    if (!head_complete_ && error_) return std::unexpected{*error_};
    return head_;
}

std::expected<std::string, CallError> HttpTransfer::take_data() {
    std::shared_ptr<HttpLoop> loop;
    std::string data;
    {
        const std::scoped_lock lock{mutex_};
        data.swap(buffer_);
        if (data.empty() && error_) return std::unexpected{*error_};
        if (std::exchange(paused_, false)) loop = loop_;
    }
    if (loop) loop->resume(shared_from_this());
    return data;
}

std::expected<HttpResponse, CallError> HttpTransfer::take_response() {
    const std::scoped_lock lock{mutex_};
    if (error_) return std::unexpected{*error_};
    return HttpResponse{std::move(head_), std::move(buffer_)};
}

void HttpTransfer::cancel() noexcept {
    std::shared_ptr<HttpLoop> loop;
    {
        const std::scoped_lock lock{mutex_};
        loop = loop_;
    }
    if (loop) loop->cancel(shared_from_this());
}

void HttpTransfer::discard_rest() noexcept {
    std::shared_ptr<HttpLoop> loop;
    {
        const std::scoped_lock lock{mutex_};
        loop = loop_;
        discarding_ = true;
        buffer_.clear();
    }
    if (loop) loop->let_end(shared_from_this());
}

// --- the HTTP thread's side ---

void HttpTransfer::finish(CURLcode code) {
    std::optional<CallError> error;
    if (code != CURLE_OK) error = describe(code);
    end(std::move(error));
}

void HttpTransfer::abandon(CallError error) { end(std::move(error)); }

void HttpTransfer::end(std::optional<CallError> error) {
    release_handle();
    std::shared_ptr<HttpLoop> loop;  // released after the lock, since it may be the last reference
    std::unique_lock lock{mutex_};
    if (ended_) return;
    ended_ = true;
    error_ = std::move(error);
    loop.swap(loop_);
    wake_if_due(std::move(lock));
}

void HttpTransfer::resume_reading() {
    // A failure to go on reading shows up as the transfer's own end.
    if (easy_ != nullptr) static_cast<void>(curl_easy_pause(easy_, CURLPAUSE_CONT));
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
    const std::string_view line{data, size * count};
    return static_cast<HttpTransfer*>(self)->take_header_line(line) ? line.size() : 0;
}

bool HttpTransfer::take_header_line(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > request_.max_header_bytes) {
        breach_ = "the answer's head passes " + std::to_string(request_.max_header_bytes) + " bytes";
        return false;
    }
    std::unique_lock lock{mutex_};
    if (head_complete_) return true;  // a trailer
    if (line.starts_with("HTTP/")) {
        head_ = {};  // an interim answer (1xx) came before
        if (const auto space = line.find(' '); space != std::string_view::npos) {
            std::from_chars(line.data() + space + 1, line.data() + line.size(), head_.status);
        }
        return true;
    }
    if (trimmed(line).empty()) {
        head_complete_ = head_.status >= 200;
        wake_if_due(std::move(lock));
        return true;
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        head_.headers.emplace_back(lower(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
    }
    return true;
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
    return static_cast<HttpTransfer*>(self)->take_body({data, size * count});
}

std::size_t HttpTransfer::take_body(std::string_view data) {
    std::unique_lock lock{mutex_};
    if (discarding_) return data.size();
    if (mode_ == Mode::kStreamed && !buffer_.empty() && buffer_.size() + data.size() > stream_buffer_bytes_) {
        paused_ = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    body_bytes_ += data.size();
    if (body_bytes_ > request_.max_response_bytes) {
        breach_ = "the answer passes " + std::to_string(request_.max_response_bytes) + " bytes";
        return 0;
    }
    buffer_.append(data);
    wake_if_due(std::move(lock));
    return data.size();
}

}  // namespace oiab::clients

#include "clients/http_client.hpp"

#include <utility>

#include "clients/http_loop.hpp"
#include "clients/http_transfer.hpp"

namespace oiab::clients {
namespace {

/// Closes the connection when the coroutine is left before the exchange has ended, by whatever way.
class CancelOnExit {
public:
    explicit CancelOnExit(std::shared_ptr<HttpTransfer> transfer) : transfer_{std::move(transfer)} {}
    CancelOnExit(const CancelOnExit&) = delete;
    CancelOnExit& operator=(const CancelOnExit&) = delete;
    ~CancelOnExit() {
        if (transfer_) transfer_->cancel();
    }
    std::shared_ptr<HttpTransfer> release() { return std::move(transfer_); }

private:
    std::shared_ptr<HttpTransfer> transfer_;
};

}  // namespace

HttpStream::HttpStream(std::shared_ptr<HttpTransfer> transfer, HttpHead head) noexcept
    : transfer_{std::move(transfer)}, head_{std::move(head)} {}
HttpStream::HttpStream(HttpStream&&) noexcept = default;
HttpStream& HttpStream::operator=(HttpStream&& other) noexcept {
    if (this != &other) {
        if (transfer_) transfer_->cancel();
        transfer_ = std::move(other.transfer_);
        head_ = std::move(other.head_);
    }
    return *this;
}
HttpStream::~HttpStream() {
    if (transfer_) transfer_->cancel();
}

asio::awaitable<std::expected<std::string, CallError>> HttpStream::read() {
    co_await transfer_->wait(HttpTransfer::Until::kData);
    co_return transfer_->take_data();
}

void HttpStream::finish() noexcept {
    if (transfer_) std::exchange(transfer_, nullptr)->discard_rest();
}

HttpClient::HttpClient(HttpClientSettings settings) : loop_{std::make_shared<HttpLoop>(std::move(settings))} {}

HttpClient::~HttpClient() {
    loop_->request_stop();
    loop_->join();
}

void HttpClient::request_stop() noexcept { loop_->request_stop(); }

asio::awaitable<std::expected<HttpResponse, CallError>> HttpClient::send(HttpRequest request) {
    auto transfer = std::make_shared<HttpTransfer>(std::move(request), HttpTransfer::Mode::kWhole, 0);
    CancelOnExit guard{transfer};
    transfer->start_on(loop_);
    co_await transfer->wait(HttpTransfer::Until::kEnd);
    co_return transfer->take_response();
}

asio::awaitable<std::expected<HttpStream, CallError>> HttpClient::open(HttpRequest request) {
    auto transfer = std::make_shared<HttpTransfer>(std::move(request), HttpTransfer::Mode::kStreamed,
                                                   loop_->settings().stream_buffer_bytes);
    CancelOnExit guard{transfer};
    transfer->start_on(loop_);
    co_await transfer->wait(HttpTransfer::Until::kHead);
    auto head = transfer->head();
    if (!head) co_return std::unexpected{std::move(head.error())};
    co_return HttpStream{guard.release(), std::move(*head)};
}

}  // namespace oiab::clients

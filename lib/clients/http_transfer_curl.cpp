// What an exchange tells curl, and what curl's answers mean.
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "clients/address_range.hpp"
#include "clients/http_transfer.hpp"
#include "clients/origin.hpp"

namespace oiab::clients {
namespace {

/// Whether the environment names a proxy for such addresses, in the variables that libcurl reads.
bool has_proxy_in_environment(std::string_view url) {
    const auto is_set = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    };
    if (is_set("all_proxy") || is_set("ALL_PROXY")) return true;
    if (url.starts_with("https")) return is_set("https_proxy") || is_set("HTTPS_PROXY");
    return is_set("http_proxy");
}

bool is_header_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_token(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != ':'; });
}

long to_long_ms(std::chrono::milliseconds wait) {
    return static_cast<long>(std::min<std::int64_t>(wait.count(), std::numeric_limits<int>::max()));
}

/// libcurl 8.7 tells 0 for CURLINFO_REQUEST_SIZE, whatever was sent (curl issue 13269).
bool counts_what_is_sent() {
    const auto version = curl_version_info(CURLVERSION_NOW)->version_num;
    return version < 0x080700 || version >= 0x080800;
}

CallFailure kind_of(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PROXY: return CallFailure::kConnect;
        case CURLE_OPERATION_TIMEDOUT: return CallFailure::kTimeout;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ENGINE_INITFAILED:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        case CURLE_SSL_INVALIDCERTSTATUS: return CallFailure::kTls;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_SSL_SHUTDOWN_FAILED: return CallFailure::kTruncated;
        default: return CallFailure::kProtocol;
    }
}

}  // namespace

std::optional<CallError> HttpTransfer::fault_of_request() {
    const auto fault = [](std::string text) {
        return CallError{CallFailure::kProtocol, std::move(text), Repeat::kSafe};
    };
    const auto origin = find_origin(request_.url);
    if (!origin) return fault("the address of an HTTP request is not an absolute http or https URL");
    origin_ = *origin;
    if (!request_.unix_socket.empty()) origin_ += " (by unix socket " + request_.unix_socket + ")";
    if (!is_token(request_.method)) return fault("the method of an HTTP request to " + origin_ + " is malformed");
    for (const auto& [name, value] : request_.headers) {
        if (!is_token(name) || !is_header_text(value)) {
            return fault("a header of an HTTP request to " + origin_ + " is malformed");
        }
    }
    if (request_.deadline.reached()) {
        return CallError{CallFailure::kTimeout, "the deadline passed before the request to " + origin_ + " was sent",
                         Repeat::kSafe};
    }
    return std::nullopt;
}

std::expected<CURL*, CallError> HttpTransfer::begin(const HttpClientSettings& settings) {
    if (auto fault = fault_of_request()) return std::unexpected{std::move(*fault)};
    easy_ = curl_easy_init();
    if (easy_ == nullptr) {
        return std::unexpected{
            CallError{CallFailure::kConnect, "libcurl gives no handle for a request to " + origin_, Repeat::kSafe}};
    }
    configure(settings);
    configure_body();
    return easy_;
}

void HttpTransfer::configure(const HttpClientSettings& settings) {
    const auto set = [this](CURLoption option, auto value) {
        // Only an option unknown to this libcurl can fail, and CMake asks for one that knows them all.
        static_cast<void>(curl_easy_setopt(easy_, option, value));
    };
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, curl_message_);
    set(CURLOPT_USERAGENT, settings.user_agent.c_str());
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    // A new request to a host that is being connected to waits to learn whether HTTP/2 lets it share the connection.
    if (request_.url.starts_with("https")) set(CURLOPT_PIPEWAIT, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, to_long_ms(request_.connect_timeout));
    if (request_.deadline.at() != core::Deadline::never().at()) {
        // What is left is cut to whole milliseconds: one more, so that libcurl never gives up before the deadline,
        // which would then look like trouble of the provider's. It also keeps zero away, which would mean no bound at
        // all.
        set(CURLOPT_TIMEOUT_MS, to_long_ms(request_.deadline.left()) + 1);
    }
    if (request_.stall_timeout > std::chrono::seconds::zero()) {
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.stall_timeout.count()));
    }
    if (!settings.ca_file.empty()) set(CURLOPT_CAINFO, settings.ca_file.c_str());
    if (!request_.unix_socket.empty()) {
        set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
        set(CURLOPT_PROXY, "");
    } else if (settings.proxy) {
        set(CURLOPT_PROXY, settings.proxy->c_str());
    }
    if (request_.only_public) bind_to_public(settings);
    set(CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PREREQFUNCTION, &HttpTransfer::on_sending);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_PRIVATE, this);
}

void HttpTransfer::bind_to_public(const HttpClientSettings& settings) {
    const bool by_proxy = request_.unix_socket.empty() &&
                          (settings.proxy ? !settings.proxy->empty() : has_proxy_in_environment(request_.url));
    if (by_proxy) {
        // Always: names that no_proxy lists are those of the networks that are not to be looked into.
        static_cast<void>(curl_easy_setopt(easy_, CURLOPT_NOPROXY, ""));
        return;
    }
    checks_address_ = true;
    static_cast<void>(curl_easy_setopt(easy_, CURLOPT_PROXY, ""));
    static_cast<void>(curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &HttpTransfer::on_connecting));
    static_cast<void>(curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this));
}

void HttpTransfer::configure_body() {
    const auto set = [this](CURLoption option, auto value) {
        static_cast<void>(curl_easy_setopt(easy_, option, value));
    };
    if (request_.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else if (request_.method != "GET" || !request_.body.empty()) {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.c_str());
        if (request_.method != "POST") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
    bool typed = false;
    for (const auto& [name, value] : request_.headers) {
        typed = typed || curl_strequal(name.c_str(), "content-type") != 0;
        const std::string line = value.empty() ? name + ";" : name + ": " + value;
        header_list_ = curl_slist_append(header_list_, line.c_str());
    }
    // Curl would wait a second for a "100 Continue" that few servers send, and call an untyped body a form.
    header_list_ = curl_slist_append(header_list_, "Expect:");
    if (!typed) header_list_ = curl_slist_append(header_list_, "Content-Type:");
    set(CURLOPT_HTTPHEADER, header_list_);
}

Repeat HttpTransfer::repeat() const {
    if (request_.idempotent) return Repeat::kSafe;
    for (const std::string_view method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
        if (request_.method == method) return Repeat::kSafe;
    }
    // What a proxy was told before belongs to the way, not to the request.
    if (easy_ == nullptr || !sent_before_) return Repeat::kSafe;
    return counts_what_is_sent() && bytes_sent() == *sent_before_ ? Repeat::kSafe : Repeat::kUnsafe;
}

long HttpTransfer::bytes_sent() const {
    long sent = 0;
    curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent);
    return sent;
}

/// The address that the name has been resolved to, and no later answer of the resolver's, is what is connected to.
curl_socket_t HttpTransfer::on_connecting(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    if (!is_public_address(address->addr)) {
        static_cast<HttpTransfer*>(self)->was_private_ = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int HttpTransfer::on_sending(void* self, char* peer, char*, int, int) noexcept {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    // A connection of a request that was free to go there is kept, too.
    if (transfer.checks_address_ && (peer == nullptr || !is_public_address(std::string_view{peer}))) {
        transfer.was_private_ = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer.was_private_ = false;  // one of several addresses was, another one has been reached
    // Unsafe only once something has been sent: where nothing was, sending it now is no repetition.
    transfer.second_sending_ = transfer.repeat() == Repeat::kUnsafe;
    if (!transfer.sent_before_) transfer.sent_before_ = transfer.bytes_sent();
    return transfer.second_sending_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

CallError HttpTransfer::cancelled() const {
    const std::string whom = origin_.empty() ? "an HTTP request" : request_.method + " to " + origin_;
    return {CallFailure::kCancelled, whom + " was cancelled", repeat()};
}

CallError HttpTransfer::describe(CURLcode code) const {
    const std::string subject = request_.method + " to " + origin_ + ": ";
    if (breach_) return {CallFailure::kTooLarge, subject + *breach_, repeat()};
    if (second_sending_) {
        return {CallFailure::kTruncated, subject + "the connection broke before an answer came", Repeat::kUnsafe};
    }
    if (was_private_ && code != CURLE_OPERATION_TIMEDOUT && repeat() == Repeat::kSafe) {
        return {CallFailure::kProtocol,
                subject + "its address is in a private network, which this request may not reach", Repeat::kSafe};
    }
    const char* what = curl_message_[0] != '\0' ? curl_message_ : curl_easy_strerror(code);
    CallError error{kind_of(code), subject + what, repeat()};
    if (code == CURLE_OPERATION_TIMEDOUT && !request_.deadline.reached()) {
        curl_off_t connected_us = 0;
        curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        if (connected_us == 0) error.kind = CallFailure::kConnect;
    }
    return error;
}

}  // namespace oiab::clients

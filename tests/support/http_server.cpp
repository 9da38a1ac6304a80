#include "support/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace oiab::tests {
namespace {

struct ClientLeft : std::runtime_error {
    ClientLeft() : std::runtime_error{"the client closed the connection"} {}
};

void write_all(int descriptor, std::string_view data) {
    while (!data.empty()) {
        const ssize_t written = send(descriptor, data.data(), data.size(), MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw ClientLeft{};
        data.remove_prefix(static_cast<std::size_t>(written));
    }
}

bool read_more(int descriptor, std::string& into) {
    char buffer[16384];
    while (true) {
        const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        into.append(buffer, static_cast<std::size_t>(count));
        return true;
    }
}

std::string head_text(int status, const ServedConnection::Headers& headers) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
    for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
    return head;
}

ServedRequest parse_head(std::string_view head) {
    ServedRequest request;
    const auto line_end = head.find("\r\n");
    const std::string_view line = head.substr(0, line_end);
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, second - first - 1);
    head.remove_prefix(std::min(head.size(), line_end + 2));
    while (!head.empty()) {
        const auto end = head.find("\r\n");
        const std::string_view header = head.substr(0, end);
        const auto colon = header.find(':');
        std::string name{header.substr(0, colon)};
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        std::string_view value = colon == header.npos ? std::string_view{} : header.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        request.headers[name] = value;
        head.remove_prefix(end == head.npos ? head.size() : end + 2);
    }
    return request;
}

}  // namespace

void SyncPoint::signal() {
    const std::scoped_lock lock{mutex_};
    signalled_ = true;
    changed_.notify_all();
}

bool SyncPoint::wait(std::chrono::milliseconds bound) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, bound, [this] { return signalled_; });
}

std::string ServedRequest::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string{} : found->second;
}

// --- the connection ---

void ServedConnection::respond(int status, std::string_view body, const Headers& headers) {
    raw(head_text(status, headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
}

void ServedConnection::respond_json(int status, std::string_view json, Headers headers) {
    headers.emplace_back("Content-Type", "application/json");
    respond(status, json, headers);
}

void ServedConnection::begin_chunked(int status, const Headers& headers) {
    raw(head_text(status, headers) + "Transfer-Encoding: chunked\r\n\r\n");
}

void ServedConnection::chunk(std::string_view data) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    raw(size + std::string{data} + "\r\n");
}

void ServedConnection::end_chunks() { raw("0\r\n\r\n"); }

void ServedConnection::raw(std::string_view bytes) { write_all(descriptor_, bytes); }

bool ServedConnection::wait_for_close(std::chrono::milliseconds bound) {
    keep_ = false;
    const auto until = std::chrono::steady_clock::now() + bound;
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd watched{descriptor_, POLLIN, 0};
        if (poll(&watched, 1, static_cast<int>(left.count())) <= 0) continue;
        std::string ignored;
        if (!read_more(descriptor_, ignored)) return true;
    }
}

void ServedConnection::reset() noexcept {
    keep_ = false;
    const linger at_once{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// --- the server ---

HttpServer::HttpServer(Script script) : script_{std::move(script)} {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::system_error(errno, std::generic_category(), "bind to loopback");
    }
    socklen_t length = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    listen_on(descriptor);
}

HttpServer::HttpServer(Script script, std::string unix_socket)
    : unix_socket_{std::move(unix_socket)}, script_{std::move(script)} {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (unix_socket_.size() >= sizeof address.sun_path) throw std::invalid_argument("the socket's path is too long");
    std::memcpy(address.sun_path, unix_socket_.data(), unix_socket_.size());
    if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::system_error(errno, std::generic_category(), "bind to " + unix_socket_);
    }
    listen_on(descriptor);
}

HttpServer::~HttpServer() {
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
        shutdown(listener_, SHUT_RDWR);
        for (const int descriptor : open_) shutdown(descriptor, SHUT_RDWR);
    }
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
    if (!unix_socket_.empty()) unlink(unix_socket_.c_str());
}

void HttpServer::listen_on(int descriptor) {
    listener_ = descriptor;
    if (listen(descriptor, 256) != 0) throw std::system_error(errno, std::generic_category(), "listen");
    acceptor_ = std::thread{[this] { accept_connections(); }};
}

void HttpServer::accept_connections() {
    while (true) {
        const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::scoped_lock lock{mutex_};
        if (stopping_) {
            if (descriptor >= 0) close(descriptor);
            return;
        }
        if (descriptor < 0) continue;
        ++accepted_;
        open_.push_back(descriptor);
        threads_.emplace_back([this, descriptor] { serve(descriptor); });
    }
}

void HttpServer::serve(int descriptor) {
    std::string pending;
    try {
        while (serve_one(descriptor, pending)) {
        }
    } catch (const ClientLeft&) {
        // What many tests are about.
    } catch (const std::exception& failure) {
        const std::scoped_lock lock{mutex_};
        failures_.emplace_back(failure.what());
    }
    const std::scoped_lock lock{mutex_};
    open_.remove(descriptor);
    close(descriptor);
}

bool HttpServer::serve_one(int descriptor, std::string& pending) {
    std::size_t head_end = 0;
    while ((head_end = pending.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more(descriptor, pending)) return false;
        if (pending.front() == '\x16') {  // a TLS hello; answered as plain servers do
            write_all(descriptor, "HTTP/1.1 400 Scripted\r\nContent-Length: 0\r\n\r\n");
            return false;
        }
    }
    ServedRequest request = parse_head(std::string_view{pending}.substr(0, head_end));
    pending.erase(0, head_end + 4);
    const std::string length_text = request.header("content-length");
    const std::size_t length = length_text.empty() ? 0 : std::stoul(length_text);
    while (pending.size() < length) {
        if (!read_more(descriptor, pending)) return false;
    }
    request.body = pending.substr(0, length);
    pending.erase(0, length);

    const Script script = script_for(request);
    ServedConnection connection{descriptor};
    struct Leaving {
        HttpServer& server;
        ~Leaving() {
            const std::scoped_lock lock{server.mutex_};
            --server.answering_;
        }
    } const leaving{*this};
    script(connection, request);
    return connection.keep_;
}

HttpServer::Script HttpServer::script_for(const ServedRequest& request) {
    const std::scoped_lock lock{mutex_};
    requests_.push_back(request);
    most_at_once_ = std::max(most_at_once_, ++answering_);
    if (next_.empty()) return script_;
    Script script = std::move(next_.front());
    next_.pop_front();
    return script;
}

void HttpServer::next(Script script) {
    const std::scoped_lock lock{mutex_};
    next_.push_back(std::move(script));
}

void HttpServer::set_script(Script script) {
    const std::scoped_lock lock{mutex_};
    script_ = std::move(script);
}

std::string HttpServer::url(std::string_view path) const {
    if (!unix_socket_.empty()) return "http://localhost" + std::string{path};
    return "http://127.0.0.1:" + std::to_string(port_) + std::string{path};
}

std::vector<ServedRequest> HttpServer::requests() const {
    const std::scoped_lock lock{mutex_};
    return requests_;
}

std::size_t HttpServer::connections() const {
    const std::scoped_lock lock{mutex_};
    return accepted_;
}

std::size_t HttpServer::answering() const {
    const std::scoped_lock lock{mutex_};
    return answering_;
}

std::size_t HttpServer::most_at_once() const {
    const std::scoped_lock lock{mutex_};
    return most_at_once_;
}

std::vector<std::string> HttpServer::failures() const {
    const std::scoped_lock lock{mutex_};
    return failures_;
}

}  // namespace oiab::tests

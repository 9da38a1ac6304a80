#pragma once
/// @file  A server that speaks PostgreSQL's protocol up to "ready for query" and then answers nothing, as one that
/// hangs. On loopback, one connection at a time, on a thread of its own; everything public is thread-safe.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace oiab::tests {

class SilentServer {
public:
    SilentServer() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 8) != 0 ||
            ::getsockname(listener_, any, &size) != 0)
            throw std::system_error{errno, std::generic_category(), "silent server"};
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    ~SilentServer() {
        hang_up();
        thread_.join();
        ::close(listener_);
    }

    [[nodiscard]] std::string url() const {
        return "host=127.0.0.1 port=" + std::to_string(port_) + " user=u dbname=d sslmode=disable gssencmode=disable";
    }
    /// Whether a statement has arrived.
    [[nodiscard]] bool was_asked() const { return asked_; }
    /// Ends whoever still waits: for a test that would hang otherwise.
    void hang_up() {
        const std::scoped_lock lock{mutex_};
        stopped_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
    }

private:
    void serve() {
        while (true) {
            const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) return;
            {
                const std::scoped_lock lock{mutex_};
                if (stopped_) ::shutdown(connection, SHUT_RDWR);
                connection_ = connection;
            }
            greet_and_be_silent(connection);
            const std::scoped_lock lock{mutex_};
            connection_ = -1;
            ::close(connection);
        }
    }

    void greet_and_be_silent(int connection) {
        char bytes[4096];
        if (::recv(connection, bytes, sizeof bytes, 0) <= 0) return;  // the startup packet, a hundred bytes
        std::string greeting = message('R', std::string(4, '\0'));
        const std::pair<const char*, const char*> parameters[] = {{"server_version", "15.0"},
                                                                  {"client_encoding", "UTF8"},
                                                                  {"in_hot_standby", "off"},
                                                                  {"default_transaction_read_only", "off"}};
        for (const auto& [name, value] : parameters) greeting += message('S', std::string{name} + '\0' + value + '\0');
        greeting += message('Z', "I");
        if (::send(connection, greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0) return;
        while (::recv(connection, bytes, sizeof bytes, 0) > 0) asked_ = true;
    }

    static std::string message(char type, const std::string& body) {
        const auto length = htonl(static_cast<std::uint32_t>(body.size() + 4));
        std::string text{type};
        text.append(reinterpret_cast<const char*>(&length), sizeof length);
        return text + body;
    }

    int listener_;
    int port_ = 0;
    std::atomic<bool> asked_{false};
    std::mutex mutex_;
    int connection_ = -1;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace oiab::tests

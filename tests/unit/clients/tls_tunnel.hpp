#pragma once
/// @file  An HTTP proxy on loopback whose tunnels all end in one HTTPS server, provider.test, with a certificate of its
/// own. Connections are served one after the other.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_directory.hpp"

namespace oiab::clients::tests {

class TlsTunnel {
public:
    enum class Answer { kOk, kCloseUnanswered, kRefuseTunnel };

    TlsTunnel();
    TlsTunnel(const TlsTunnel&) = delete;
    TlsTunnel& operator=(const TlsTunnel&) = delete;
    ~TlsTunnel();

    /// What happens to the requests from now on.
    void set_answer(Answer answer) noexcept { answer_ = answer; }

    [[nodiscard]] std::string proxy_url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// The certificate of provider.test, as a PEM file.
    [[nodiscard]] std::string ca_file() const { return directory_.path() + "/ca.pem"; }
    [[nodiscard]] int tunnels() const noexcept { return tunnels_; }    ///< asked for
    [[nodiscard]] int requests() const noexcept { return requests_; }  ///< that the server has read to their end

private:
    struct Tls;

    void serve();
    void serve_connection(int descriptor);

    oiab::tests::TemporaryDirectory directory_;
    std::unique_ptr<Tls> tls_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<Answer> answer_{Answer::kOk};
    std::atomic<int> open_{-1};
    std::atomic<int> tunnels_{0};
    std::atomic<int> requests_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace oiab::clients::tests

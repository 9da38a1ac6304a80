#include "tls_tunnel.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <functional>
#include <stdexcept>

namespace oiab::clients::tests {
namespace {

template <auto Free>
struct Freed {
    void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<&X509_free>>;

void require(bool done, const char* what) {
    if (!done) throw std::runtime_error{what};
}

/// Signed by itself, valid for an hour.
Certificate make_certificate(EVP_PKEY* key) {
    Certificate certificate{X509_new()};
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("provider.test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    auto* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:provider.test");
    require(names != nullptr && X509_add_ext(certificate.get(), names, -1) == 1, "no name in the certificate");
    X509_EXTENSION_free(names);
    require(X509_sign(certificate.get(), key, EVP_sha256()) > 0, "the certificate was not signed");
    return certificate;
}

/// Reads a request, head and body. @returns false where the client has left
bool read_request(const std::function<int(char*, int)>& read) {
    std::string text;
    std::size_t whole = std::string::npos;
    while (whole == std::string::npos || text.size() < whole) {
        char buffer[4096];
        const int count = read(buffer, sizeof buffer);
        if (count <= 0) return false;
        text.append(buffer, static_cast<std::size_t>(count));
        const auto end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        whole = end + 4;
        constexpr std::string_view kLength = "Content-Length: ";
        if (const auto at = text.find(kLength); at < end) {
            std::size_t length = 0;
            std::from_chars(text.data() + at + kLength.size(), text.data() + end, length);
            whole += length;
        }
    }
    return true;
}

}  // namespace

struct TlsTunnel::Tls {
    std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>> context{SSL_CTX_new(TLS_server_method())};
};

TlsTunnel::TlsTunnel() : tls_{std::make_unique<Tls>()} {
    const Key key{EVP_EC_gen("P-256")};
    const auto certificate = make_certificate(key.get());
    require(SSL_CTX_use_certificate(tls_->context.get(), certificate.get()) == 1, "the certificate does not fit");
    require(SSL_CTX_use_PrivateKey(tls_->context.get(), key.get()) == 1, "the key does not fit");
    const std::unique_ptr<std::FILE, Freed<&std::fclose>> file{std::fopen(ca_file().c_str(), "w")};
    require(file && PEM_write_X509(file.get(), certificate.get()) == 1, "the certificate was not written");

    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
                getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
            "no port to listen on");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

TlsTunnel::~TlsTunnel() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    shutdown(open_, SHUT_RDWR);
    thread_.join();
    close(listener_);
}

void TlsTunnel::serve() {
    // OpenSSL writes to its socket without MSG_NOSIGNAL.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    while (!stopping_) {
        const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor < 0) continue;
        open_ = descriptor;
        // A stop that came before the line above has not seen the connection.
        if (!stopping_) serve_connection(descriptor);
        open_ = -1;
        close(descriptor);
    }
}

void TlsTunnel::serve_connection(int descriptor) {
    const auto plain = [descriptor](char* buffer, int size) {
        return static_cast<int>(recv(descriptor, buffer, static_cast<std::size_t>(size), 0));
    };
    if (!read_request(plain)) return;
    ++tunnels_;
    const bool refused = answer_ == Answer::kRefuseTunnel;
    const std::string_view established =
        refused ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 200 Connection established\r\n\r\n";
    if (send(descriptor, established.data(), established.size(), MSG_NOSIGNAL) < 0 || refused) return;
    const std::unique_ptr<SSL, Freed<&SSL_free>> tls{SSL_new(tls_->context.get())};
    SSL_set_fd(tls.get(), descriptor);
    if (SSL_accept(tls.get()) != 1) return;
    while (read_request([&](char* buffer, int size) { return SSL_read(tls.get(), buffer, size); })) {
        ++requests_;
        if (answer_ == Answer::kCloseUnanswered) return;
        constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        if (SSL_write(tls.get(), kAnswer.data(), static_cast<int>(kAnswer.size())) <= 0) return;
    }
}

}  // namespace oiab::clients::tests

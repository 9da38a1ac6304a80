// Which addresses belong to the public internet, and that a request bound to it reaches no other.
#include "clients/address_range.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>

#include "http_requests.hpp"
#include "scripted_provider.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::clients;
using namespace oiab::clients::tests;
using oiab::tests::answering;
using oiab::tests::HttpServer;
using oiab::tests::kWhole;
using oiab::tests::Provider;
using oiab::tests::run_coroutine;

namespace {

bool is_public_as_socket(const char* text) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return is_public_address(reinterpret_cast<const sockaddr&>(four));
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    REQUIRE(inet_pton(AF_INET6, text, &six.sin6_addr) == 1);
    return is_public_address(reinterpret_cast<const sockaddr&>(six));
}

}  // namespace

TEST_CASE("address: loopback, link-local, private and reserved ranges are not public, up to their edges") {
    for (const char* text :
         {"0.0.0.0",        "0.255.255.255",   "10.0.0.0",     "10.255.255.255",  "100.64.0.0",      "100.127.255.255",
          "127.0.0.1",      "127.255.255.255", "169.254.0.0",  "169.254.169.254", "169.254.255.255", "172.16.0.0",
          "172.31.255.255", "192.0.0.1",       "192.0.2.7",    "192.88.99.1",     "192.168.0.0",     "192.168.255.255",
          "198.18.0.0",     "198.19.255.255",  "198.51.100.1", "203.0.113.9",     "224.0.0.1",       "239.255.255.255",
          "240.0.0.1",      "255.255.255.255"}) {
        CAPTURE(text);
        CHECK_FALSE(is_public_address(text));
        CHECK_FALSE(is_public_as_socket(text));
    }
    for (const char* text : {"1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
                             "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
                             "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"}) {
        CAPTURE(text);
        CHECK(is_public_address(text));
        CHECK(is_public_as_socket(text));
    }
}

TEST_CASE("address: the same of IPv6, and of an IPv4 address within one") {
    for (const char* text : {"::",
                             "::1",
                             "::7f00:1",
                             "::ffff:127.0.0.1",
                             "::ffff:10.1.2.3",
                             "::ffff:169.254.169.254",
                             "::ffff:192.168.1.1",
                             "64:ff9b::127.0.0.1",
                             "64:ff9b::a9fe:a9fe",
                             "64:ff9b:1::1",
                             "2002:7f00:1::1",
                             "2002:a9fe:a9fe::",
                             "fe80::1",
                             "febf::1",
                             "fec0::1",
                             "fc00::1",
                             "fd00:ec2::254",
                             "fdff::1",
                             "ff02::1",
                             "2001::1",
                             "2001:1ff::1",
                             "2001:db8::1",
                             "3fff::1",
                             "4000::1",
                             "100::1"}) {
        CAPTURE(text);
        CHECK_FALSE(is_public_address(text));
        CHECK_FALSE(is_public_as_socket(text));
    }
    for (const char* text : {"2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
                             "64:ff9b::8.8.8.8", "2002:808:808::1", "3ffe::1"}) {
        CAPTURE(text);
        CHECK(is_public_address(text));
        CHECK(is_public_as_socket(text));
    }
}

TEST_CASE("address: what is none is not public") {
    for (const char* text : {"", "localhost", "0x7f.1", "2130706433", "fe80::1%eth0", "8.8.8.8.8",
                             "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa"}) {
        CAPTURE(text);
        CHECK_FALSE(is_public_address(text));
    }
    sockaddr_un unix_socket{};
    unix_socket.sun_family = AF_UNIX;
    CHECK_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(unix_socket)));
}

TEST_CASE("http: a request that is bound to the public internet is not even connected elsewhere, by whatever name") {
    HttpServer server{hello};
    HttpClient client{direct()};
    const std::string port = ":" + std::to_string(server.port());
    for (const std::string host : {"127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
        CAPTURE(host);
        HttpRequest request = post("http://" + host + port + "/", "{}");
        request.only_public = true;
        const auto response = run_coroutine(client.send(std::move(request)));
        REQUIRE_FALSE(response);
        CHECK(response.error().kind == CallFailure::kProtocol);
        CHECK(response.error().repeat == Repeat::kSafe);
        CHECK(response.error().message.find("private network") != std::string::npos);
    }
    CHECK(server.connections() == 0);
}

TEST_CASE("http: a request that is bound to the public internet does not ride on a connection of one that is not") {
    HttpServer server{hello};
    HttpClient client{direct()};
    REQUIRE(run_coroutine(client.send(post(server.url("/"), "{}"))));
    HttpRequest request = post(server.url("/"), "{}");
    request.only_public = true;
    const auto response = run_coroutine(client.send(std::move(request)));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kProtocol);
    CHECK(response.error().repeat == Repeat::kSafe);
    CHECK(server.requests().size() == 1);
    CHECK(server.connections() == 1);
    CHECK(run_coroutine(client.send(post(server.url("/"), "{}"))));
}

TEST_CASE("http: a unix socket is no way to the public internet") {
    const oiab::tests::TemporaryDirectory directory;
    HttpServer server{hello, directory.path() + "/http.sock"};
    HttpClient client{direct()};
    HttpRequest request = get(server.url("/"));
    request.unix_socket = directory.path() + "/http.sock";
    request.only_public = true;
    CHECK_FALSE(run_coroutine(client.send(std::move(request))));
    CHECK(server.requests().empty());
}

TEST_CASE("http: behind a proxy it is the proxy that decides where a request may go") {
    HttpServer proxy{hello};
    HttpClientSettings settings;
    settings.proxy = proxy.url();
    HttpClient client{settings};
    HttpRequest request = get("http://provider.invalid/v1/models");
    request.only_public = true;
    REQUIRE(run_coroutine(client.send(std::move(request))));
    CHECK(proxy.requests().at(0).target == "http://provider.invalid/v1/models");
}

TEST_CASE("chat: a provider in a private network is refused for good where its address was not the operator's") {
    Provider provider{answering(200, kWhole)};
    provider.settings.provider.only_public = true;
    const auto answer = provider.ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
    CHECK_FALSE(answer.error().may_be_billed);
    CHECK(answer.error().message.find("private network") != std::string::npos);
    CHECK(provider.server.connections() == 0);
    provider.settings.provider.only_public = false;
    CHECK(provider.ask());
}

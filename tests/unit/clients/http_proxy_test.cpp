// Requests that go through a proxy's tunnel: what the proxy was told is not the request.
#include <catch2/catch_test_macros.hpp>

#include "http_requests.hpp"
#include "support/run_coroutine.hpp"
#include "tls_tunnel.hpp"

using namespace oiab::clients;
using namespace oiab::clients::tests;
using oiab::tests::run_coroutine;
using Answer = TlsTunnel::Answer;

namespace {

struct Tunnelled {
    TlsTunnel tunnel;
    HttpClient client{[this] {
        auto settings = direct();
        settings.proxy = tunnel.proxy_url();
        settings.ca_file = tunnel.ca_file();
        return settings;
    }()};

    auto send_post() { return run_coroutine(client.send(post("https://provider.test/v1/chat", "{\"effect\":1}"))); }
};

}  // namespace

TEST_CASE_METHOD(Tunnelled, "http: a POST goes through a proxy's tunnel, a fresh one and a kept one") {
    for (int sent = 1; sent <= 3; ++sent) {
        const auto response = send_post();
        REQUIRE(response);
        CHECK(response->body == "hello");
        CHECK(tunnel.requests() == sent);
    }
    CHECK(tunnel.tunnels() == 1);
}

TEST_CASE_METHOD(Tunnelled, "http: a POST in a kept tunnel that dies without an answer is sent once") {
    REQUIRE(send_post());
    tunnel.set_answer(Answer::kCloseUnanswered);
    const auto response = send_post();
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTruncated);
    CHECK(response.error().repeat == Repeat::kUnsafe);
    CHECK(tunnel.requests() == 2);
}

TEST_CASE_METHOD(Tunnelled, "http: where the proxy refuses the tunnel a POST may be repeated") {
    tunnel.set_answer(Answer::kRefuseTunnel);
    const auto response = send_post();
    REQUIRE_FALSE(response);
    CHECK(response.error().repeat == Repeat::kSafe);
    CHECK(tunnel.requests() == 0);
}

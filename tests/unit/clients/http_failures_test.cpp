// What can go wrong between the HTTP client and a server, and what the client calls it.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "http_requests.hpp"
#include "support/run_coroutine.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::clients;
using namespace oiab::clients::tests;
using namespace std::chrono_literals;
using oiab::core::Deadline;
using oiab::tests::HttpServer;
using oiab::tests::run_coroutine;
using oiab::tests::ServedConnection;
using oiab::tests::ServedRequest;
using oiab::tests::SyncPoint;

TEST_CASE("http: an answer beyond its bound is cut off") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        const std::string piece(1U << 20U, 'x');
        for (int i = 0; i < 1'000; ++i) connection.chunk(piece);
        connection.end_chunks();
    }};
    HttpClient client{direct()};
    HttpRequest request = get(server.url("/secret?token=abc"));
    request.max_response_bytes = 3U << 20U;
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTooLarge);
    CHECK(response.error().message == "GET to " + server.url() + ": the answer passes 3145728 bytes");
}

TEST_CASE("http: a head beyond its bound is cut off") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100'000; ++i) connection.raw("X-Flood: " + std::string(100, 'x') + "\r\n");
    }};
    HttpClient client{direct()};
    HttpRequest request = get(server.url());
    request.max_header_bytes = 10'000;
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTooLarge);
}

TEST_CASE("http: a server that never answers runs into the deadline") {
    SyncPoint closed;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        if (connection.wait_for_close()) closed.signal();
    }};
    HttpClient client{direct()};
    HttpRequest request = post(server.url(), "{}");
    request.deadline = Deadline::after(200ms);
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTimeout);
    CHECK(response.error().repeat == Repeat::kUnsafe);
    CHECK(closed.wait());
}

TEST_CASE("http: a deadline that has passed sends nothing") {
    HttpServer server{hello};
    HttpClient client{direct()};
    HttpRequest request = post(server.url(), "{}");
    request.deadline = Deadline::after(-1s);
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTimeout);
    CHECK(response.error().repeat == Repeat::kSafe);
    CHECK(server.connections() == 0);
}

TEST_CASE("http: a stream that falls silent runs into the stall timeout") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        connection.chunk("and then");
        static_cast<void>(connection.wait_for_close());
    }};
    HttpClient client{direct()};
    HttpRequest request = get(server.url());
    request.stall_timeout = 1s;
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTimeout);
}

TEST_CASE("http: half an answer is a broken connection") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        connection.close_after();
    }};
    HttpClient client{direct()};
    const auto response = run_coroutine(client.send(post(server.url(), "{}")));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTruncated);
    CHECK(response.error().repeat == Repeat::kUnsafe);
}

TEST_CASE("http: chunks without their end are a broken connection, after what came is delivered") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        connection.chunk("half");
        connection.close_after();
    }};
    HttpClient client{direct()};
    auto conversation = [&]() -> asio::awaitable<std::string> {
        auto stream = co_await client.open(get(server.url()));
        if (!stream) co_return "no head";
        const auto first = co_await stream->read();
        const auto second = co_await stream->read();
        if (!first || second) co_return "unexpected";
        co_return *first + ", " + std::string{to_string(second.error().kind)};
    };
    CHECK(run_coroutine(conversation()) == "half, truncated");
}

TEST_CASE("http: a reset is a broken connection") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) { connection.reset(); }};
    HttpClient client{direct()};
    HttpRequest request = post(server.url(), "{}");
    request.idempotent = true;
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTruncated);
    CHECK(response.error().repeat == Repeat::kSafe);
}

TEST_CASE("http: a POST on a kept connection that dies without an answer is sent once") {
    HttpServer server{hello};
    HttpClient client{direct()};
    const bool by_reset = GENERATE(false, true);
    const bool streamed = GENERATE(false, true);
    REQUIRE(run_coroutine(client.send(post(server.url("/first"), "{}"))));
    server.next([&](ServedConnection& connection, const ServedRequest&) {
        by_reset ? connection.reset() : connection.close_after();
    });
    auto send = [&]() -> asio::awaitable<CallError> {
        HttpRequest request = post(server.url("/second"), "{\"effect\":1}");
        CallError error;
        if (streamed) {
            const auto stream = co_await client.open(std::move(request));
            if (!stream) error = stream.error();
        } else {
            const auto response = co_await client.send(std::move(request));
            if (!response) error = response.error();
        }
        co_return error;
    };
    const auto error = run_coroutine(send());
    CHECK(error.kind == CallFailure::kTruncated);
    CHECK(error.repeat == Repeat::kUnsafe);
    CHECK(error.message.starts_with("POST to " + server.url() + ": "));
    CHECK(server.requests().size() == 2);
    // The client has not suffered.
    CHECK(run_coroutine(client.send(post(server.url("/third"), "{}"))));
    CHECK(server.requests().size() == 3);
}

TEST_CASE("http: what may be repeated is sent again when a kept connection dies without an answer") {
    HttpServer server{hello};
    HttpClient client{direct()};
    const bool by_method = GENERATE(false, true);
    REQUIRE(run_coroutine(client.send(get(server.url("/first")))));
    server.next([](ServedConnection& connection, const ServedRequest&) { connection.close_after(); });
    HttpRequest request = by_method ? get(server.url("/second")) : post(server.url("/second"), "{}");
    request.idempotent = !by_method;
    const auto response = run_coroutine(client.send(std::move(request)));
    REQUIRE(response);
    CHECK(response->body == "hello");
    CHECK(server.requests().size() == 3);
}

TEST_CASE("http: a connection that the server closed while nobody used it costs the next POST nothing") {
    const oiab::tests::TemporaryDirectory directory;
    const std::string path = directory.path() + "/http.sock";
    HttpClient client{direct()};
    const auto send = [&](const HttpServer& server) {
        HttpRequest request = post(server.url("/"), "{}");
        request.unix_socket = path;
        return run_coroutine(client.send(std::move(request)));
    };
    {
        const HttpServer server{hello, path};
        REQUIRE(send(server));
    }
    const HttpServer server{hello, path};
    CHECK(send(server));
    CHECK(server.requests().size() == 1);
}

TEST_CASE("http: garbage instead of HTTP is a protocol error") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("\x16\x03\x01\x02 SSH-2.0-nonsense\r\n\r\n");
        connection.close_after();
    }};
    HttpClient client{direct()};
    const auto response = run_coroutine(client.send(get(server.url())));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kProtocol);
}

TEST_CASE("http: nobody listening is a connect error that is safe to repeat, and names no secret") {
    int port = 0;
    {
        const HttpServer server{hello};
        port = server.port();
    }
    HttpClient client{direct()};
    HttpRequest request = post("http://user:hunter2@127.0.0.1:" + std::to_string(port) + "/path?key=s3cret", "{}");
    request.headers = {{"Authorization", "Bearer s3cret"}};
    const auto response = run_coroutine(client.send(request));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kConnect);
    CHECK(response.error().repeat == Repeat::kSafe);
    CHECK(response.error().message.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
    CHECK(response.error().message.find("s3cret") == std::string::npos);
    CHECK(response.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE("http: a TLS handshake with a plain server is a TLS error") {
    HttpServer server{hello};
    HttpClient client{direct()};
    const auto response = run_coroutine(client.send(get("https://127.0.0.1:" + std::to_string(server.port()) + "/")));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kTls);
    CHECK(response.error().repeat == Repeat::kSafe);
}

TEST_CASE("http: malformed requests are refused before anything is sent") {
    HttpServer server{hello};
    HttpClient client{direct()};
    for (const char* url : {"", "not a url", "ftp://127.0.0.1/x", "file:///etc/passwd", "/relative"}) {
        const auto response = run_coroutine(client.send(get(url)));
        REQUIRE_FALSE(response);
        CHECK(response.error().kind == CallFailure::kProtocol);
    }
    HttpRequest smuggled = get(server.url());
    smuggled.headers = {{"X-A", "1\r\nX-B: 2"}};
    const auto response = run_coroutine(client.send(smuggled));
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == CallFailure::kProtocol);
    CHECK(server.connections() == 0);
}

#include "clients/http_client.hpp"

#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <atomic>
#include <chrono>
#include <thread>

#include "support/http_server.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using oiab::core::Deadline;
using oiab::tests::HttpServer;
using oiab::tests::run_coroutine;
using oiab::tests::ServedConnection;
using oiab::tests::ServedRequest;
using oiab::tests::SyncPoint;

namespace {

HttpClientSettings direct() {
    HttpClientSettings settings;
    settings.proxy = "";
    return settings;
}

HttpRequest get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    request.deadline = Deadline::after(30s);
    return request;
}

HttpRequest post(std::string url, std::string body) {
    HttpRequest request = get(std::move(url));
    request.method = "POST";
    request.body = std::move(body);
    return request;
}

void hello(ServedConnection& connection, const ServedRequest&) { connection.respond(200, "hello"); }

}  // namespace

TEST_CASE("http: an answer arrives with status, headers and body") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.respond(418, "short and stout", {{"X-Pot", "tea"}});
    }};
    HttpClient client{direct()};
    HttpRequest request = post(server.url("/pot?a=1"), R"({"brew":"green"})");
    request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    const auto response = run_coroutine(client.send(request));
    REQUIRE(response);
    CHECK(response->status() == 418);
    CHECK(response->body == "short and stout");
    CHECK(response->head.find_header("x-pot") == "tea");
    CHECK_FALSE(response->head.find_header("x-cup"));
    const auto seen = server.requests().at(0);
    CHECK(seen.method == "POST");
    CHECK(seen.target == "/pot?a=1");
    CHECK(seen.body == R"({"brew":"green"})");
    CHECK(seen.header("content-type") == "application/json");
    CHECK(seen.headers.contains("x-empty"));
    CHECK_FALSE(seen.headers.contains("expect"));
}

TEST_CASE("http: one connection serves requests that follow each other") {
    HttpServer server{hello};
    HttpClient client{direct()};
    for (int i = 0; i < 5; ++i) REQUIRE(run_coroutine(client.send(get(server.url("/")))));
    CHECK(server.requests().size() == 5);
    CHECK(server.connections() == 1);
}

TEST_CASE("http: an interim answer does not pass for the final one") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n");
        connection.respond(200, "late");
    }};
    HttpClient client{direct()};
    const auto response = run_coroutine(client.send(get(server.url())));
    REQUIRE(response);
    CHECK(response->status() == 200);
    CHECK_FALSE(response->head.find_header("x-early"));
}

TEST_CASE("http: a stream delivers each chunk while the next is not yet written") {
    SyncPoint seen_first;
    SyncPoint seen_second;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {{"Content-Type", "text/plain"}});
        connection.chunk("one");
        if (!seen_first.wait()) throw std::runtime_error("the first chunk was not delivered by itself");
        connection.chunk("two");
        if (!seen_second.wait()) throw std::runtime_error("the second chunk was not delivered by itself");
        connection.end_chunks();
    }};
    HttpClient client{direct()};
    auto conversation = [&]() -> asio::awaitable<std::string> {
        auto stream = co_await client.open(get(server.url()));
        if (!stream) co_return stream.error().message;
        std::string log = std::to_string(stream->head().status);
        while (true) {
            const auto data = co_await stream->read();
            if (!data) co_return log + " broke: " + data.error().message;
            log += " [" + *data + "]";
            if (*data == "one") seen_first.signal();
            if (*data == "two") seen_second.signal();
            if (data->empty()) co_return log;
        }
    };
    CHECK(run_coroutine(conversation()) == "200 [one] [two] []");
    CHECK(server.failures().empty());
}

TEST_CASE("http: a reader that does not read stops the writer, and misses nothing") {
    // The sockets hold some megabytes; far more than that can only be written when back-pressure does not work.
    constexpr std::size_t kTotal = 64U << 20U;
    constexpr std::size_t kPiece = 64U << 10U;
    std::atomic<std::size_t> written = 0;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        const std::string piece(kPiece, 'x');
        for (std::size_t sent = 0; sent < kTotal; sent += kPiece) {
            connection.chunk(piece);
            written = sent + kPiece;
        }
        connection.end_chunks();
    }};
    HttpClient client{direct()};
    auto conversation = [&]() -> asio::awaitable<std::size_t> {
        HttpRequest request = get(server.url());
        request.max_response_bytes = kTotal;
        auto stream = co_await client.open(std::move(request));
        if (!stream) co_return 0;
        // Other exchanges go on meanwhile, on the same thread; they take longer than an unhindered writer would.
        server.set_script(hello);
        for (int i = 0; i < 500; ++i) {
            if (!co_await client.send(get(server.url()))) co_return 1;
        }
        if (written >= kTotal) co_return 2;
        std::size_t total = 0;
        while (true) {
            const auto data = co_await stream->read();
            if (!data) co_return 3;
            if (data->empty()) co_return total;
            total += data->size();
        }
    };
    CHECK(run_coroutine(conversation()) == kTotal);
}

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
    const auto response =
        run_coroutine(client.send(get("https://127.0.0.1:" + std::to_string(server.port()) + "/")));
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

TEST_CASE("http: cancellation closes the connection and says so") {
    SyncPoint arrived;
    SyncPoint closed;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        arrived.signal();
        if (connection.wait_for_close()) closed.signal();
    }};
    HttpClient client{direct()};
    asio::io_context context;
    asio::cancellation_signal cancel;
    std::optional<std::expected<HttpResponse, CallError>> answer;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            answer = co_await client.send(post(server.url(), "{}"));
        },
        asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr error) { CHECK_FALSE(error); }));
    asio::post(context, [&] {
        REQUIRE(arrived.wait());
        cancel.emit(asio::cancellation_type::terminal);
    });
    context.run();
    REQUIRE(answer.has_value());
    REQUIRE_FALSE(answer->has_value());
    CHECK((*answer).error().kind == CallFailure::kCancelled);
    CHECK(closed.wait());
}

TEST_CASE("http: a stream that is dropped closes its connection") {
    SyncPoint closed;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        if (connection.wait_for_close()) closed.signal();
    }};
    HttpClient client{direct()};
    auto conversation = [&]() -> asio::awaitable<bool> {
        auto stream = co_await client.open(get(server.url()));
        co_return stream.has_value();
    };
    CHECK(run_coroutine(conversation()));
    CHECK(closed.wait());
}

TEST_CASE("http: stopping the client ends what is under way and refuses what comes") {
    SyncPoint arrived;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest&) {
        arrived.signal();
        static_cast<void>(connection.wait_for_close());
    }};
    HttpClient client{direct()};
    std::jthread stopper{[&] {
        static_cast<void>(arrived.wait());
        client.request_stop();
        client.request_stop();
    }};
    const auto under_way = run_coroutine(client.send(get(server.url())));
    REQUIRE_FALSE(under_way);
    CHECK(under_way.error().kind == CallFailure::kCancelled);
    const auto late = run_coroutine(client.send(get(server.url())));
    REQUIRE_FALSE(late);
    CHECK(late.error().kind == CallFailure::kCancelled);
}

TEST_CASE("http: a client that is never used starts no thread, and stops all the same") {
    HttpClient client;
    client.request_stop();
}

TEST_CASE("http: fifty requests are under way at once, on one thread") {
    constexpr int kCount = 50;
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    HttpServer server{[&](ServedConnection& connection, const ServedRequest& request) {
        std::unique_lock lock{mutex};
        ++waiting;
        changed.notify_all();
        if (!changed.wait_for(lock, 30s, [&] { return waiting == kCount; })) throw std::runtime_error("not all came");
        lock.unlock();
        connection.respond(200, request.body);
    }};
    HttpClient client{direct()};
    asio::io_context context;
    int right = 0;
    for (int i = 0; i < kCount; ++i) {
        asio::co_spawn(
            context,
            [&, i]() -> asio::awaitable<void> {
                const auto response = co_await client.send(post(server.url(), std::to_string(i)));
                if (response && response->body == std::to_string(i)) ++right;
            },
            [](std::exception_ptr error) { CHECK_FALSE(error); });
    }
    context.run();
    CHECK(right == kCount);
    CHECK(server.most_at_once() == kCount);
    CHECK(server.failures().empty());
}

TEST_CASE("http: a unix socket is spoken through as well") {
    const std::string path = "/tmp/oiab-http-test-" + std::to_string(getpid()) + ".sock";
    HttpServer server{hello, path};
    HttpClient client{direct()};
    HttpRequest request = get(server.url("/x"));
    request.unix_socket = path;
    const auto response = run_coroutine(client.send(request));
    REQUIRE(response);
    CHECK(response->body == "hello");
    request.unix_socket = path + ".missing";
    const auto missing = run_coroutine(client.send(request));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == CallFailure::kConnect);
    CHECK(missing.error().message.find(path) != std::string::npos);
}

TEST_CASE("http: a large body goes out whole") {
    HttpServer server{[](ServedConnection& connection, const ServedRequest& request) {
        connection.respond(200, std::to_string(request.body.size()));
    }};
    HttpClient client{direct()};
    const auto response = run_coroutine(client.send(post(server.url(), std::string(20U << 20U, 'y'))));
    REQUIRE(response);
    CHECK(response->body == std::to_string(20U << 20U));
}

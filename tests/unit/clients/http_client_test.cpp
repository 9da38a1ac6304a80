#include "clients/http_client.hpp"

#include <unistd.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

#include "http_requests.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace oiab::clients::tests;
using namespace std::chrono_literals;
using oiab::core::Deadline;
using oiab::tests::HttpServer;
using oiab::tests::run_coroutine;
using oiab::tests::ServedConnection;
using oiab::tests::ServedRequest;
using oiab::tests::SyncPoint;

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
        context, [&]() -> asio::awaitable<void> { answer = co_await client.send(post(server.url(), "{}")); },
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

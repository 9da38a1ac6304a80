/// @file  A provider on loopback: takes any number of calls at once, answers each after a fixed time, a chat completion
/// as a stream of a few pieces, an embedding as a vector for each text (as base64 where that is asked for, as numbers
/// otherwise, or always with --only-numbers 1), and counts what it would have billed. Answers are ready when their time
/// comes, so that its own work is no part of the pace. Prints its port; runs until SIGTERM. GET /stats tells the counts
/// and its CPU time.

#include <openssl/evp.h>

#include <bit>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arguments.hpp"

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::use_awaitable;
using asio::ip::tcp;

struct Provider {
    std::chrono::milliseconds delay;
    std::string answer;
    bool only_numbers = false;
    std::string numbers;  ///< 1536 of them, as JSON
    std::string base64;   ///< the same as little-endian floats, as JSON
    long calls = 0;
    long in_flight = 0;
    long most_in_flight = 0;
    long texts = 0;
};

constexpr int kDimensions = 1536;

/// One piece of twelve words and the usage, as OpenAI-compatible servers send them.
std::string make_answer() {
    std::string text;
    for (int i = 0; i < 4; ++i) {
        text +=
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"bench-1\",\"choices\":[{\"index\":0,"
            "\"delta\":{\"content\":\"Twelve words of an answer that nobody will ever read again. \"}}]}\n\n";
    }
    return text +
           "data: "
           "{\"id\":\"c\",\"model\":\"bench-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
           "\n\n"
           "data: {\"id\":\"c\",\"model\":\"bench-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,"
           "\"completion_tokens\":48,\"total_tokens\":148}}\n\n"
           "data: [DONE]\n\n";
}

/// A direction that no model would find; its length is one.
float component(int i) { return static_cast<float>((i % 2 == 0 ? 1 : -1) / std::sqrt(kDimensions)); }

std::string make_numbers() {
    std::string text = "[";
    for (int i = 0; i < kDimensions; ++i) {
        char number[32];
        std::snprintf(number, sizeof number, "%s%.10f", i == 0 ? "" : ",", static_cast<double>(component(i)));
        text += number;
    }
    return text + "]";
}

std::string make_base64() {
    static_assert(std::endian::native == std::endian::little && sizeof(float) == 4);
    std::vector<float> values(kDimensions);
    for (int i = 0; i < kDimensions; ++i) values[static_cast<std::size_t>(i)] = component(i);
    const auto size = values.size() * sizeof(float);
    std::string text((size + 2) / 3 * 4 + 1, '\0');
    text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                         reinterpret_cast<const unsigned char*>(values.data()),
                                                         static_cast<int>(size))));
    return '"' + text + '"';
}

/// @returns the answer to an embeddings request, as OpenAI-compatible servers give it; empty where it is none.
std::string embed(Provider& provider, const std::string& request) {
    const auto wanted = nlohmann::json::parse(request, nullptr, false);
    if (!wanted.is_object() || !wanted.contains("input")) return {};
    const std::size_t texts = wanted["input"].is_array() ? wanted["input"].size() : 1;
    provider.texts += static_cast<long>(texts);
    const bool as_base64 = !provider.only_numbers && wanted.value("encoding_format", "float") == "base64";
    const auto& vector = as_base64 ? provider.base64 : provider.numbers;
    std::string answer = R"({"object":"list","model":"bench-embed","data":[)";
    answer.reserve(texts * (vector.size() + 64) + 128);
    for (std::size_t i = 0; i < texts; ++i) {
        answer += (i == 0 ? "" : ",") + (R"({"object":"embedding","index":)" + std::to_string(i)) + R"(,"embedding":)" +
                  vector + "}";
    }
    const auto tokens = std::to_string(texts * 12);
    return answer + R"(],"usage":{"prompt_tokens":)" + tokens + R"(,"total_tokens":)" + tokens + "}}";
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

http::response<http::string_body> respond(Provider& provider, const http::request<http::string_body>& request) {
    http::response<http::string_body> response{http::status::ok, request.version()};
    response.keep_alive(request.keep_alive());
    if (request.target() == "/stats") {
        response.set(http::field::content_type, "application/json");
        response.body() = "{\"calls\": " + std::to_string(provider.calls) +
                          ", \"texts\": " + std::to_string(provider.texts) +
                          ", \"most_in_flight\": " + std::to_string(provider.most_in_flight) +
                          ", \"cpu_seconds\": " + std::to_string(cpu_seconds()) + "}";
    } else if (request.target().ends_with("/embeddings")) {
        response.set(http::field::content_type, "application/json");
        response.body() = embed(provider, request.body());
    } else {
        response.set(http::field::content_type, "text/event-stream");
        response.body() = provider.answer;
    }
    response.prepare_payload();
    return response;
}

asio::awaitable<void> converse(tcp::socket socket, Provider& provider) {
    boost::beast::flat_buffer buffer;
    try {
        socket.set_option(tcp::no_delay{true});
        asio::steady_timer timer{socket.get_executor()};
        for (;;) {
            http::request<http::string_body> request;
            co_await http::async_read(socket, buffer, request, use_awaitable);
            const bool is_call = request.method() == http::verb::post;
            if (is_call) {
                ++provider.calls;
                provider.most_in_flight = std::max(provider.most_in_flight, ++provider.in_flight);
                timer.expires_after(provider.delay);
            }
            auto response = respond(provider, request);
            if (is_call) {
                co_await timer.async_wait(use_awaitable);
                --provider.in_flight;
            }
            co_await http::async_write(socket, response, use_awaitable);
            if (!response.keep_alive()) co_return;
        }
    } catch (const boost::system::system_error&) {
        // The client has left, which is how every connection ends.
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor, Provider& provider) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(use_awaitable);
        asio::co_spawn(acceptor.get_executor(), converse(std::move(socket), provider), [](std::exception_ptr) {});
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        Provider provider;
        provider.delay = std::chrono::milliseconds{arguments.number("delay-ms", 1000)};
        provider.answer = make_answer();
        provider.only_numbers = arguments.number("only-numbers", 0) != 0;
        provider.numbers = make_numbers();
        provider.base64 = make_base64();
        asio::io_context context{1};
        tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
        acceptor.listen(4096);
        asio::signal_set signals{context, SIGTERM, SIGINT};
        signals.async_wait([&context](const boost::system::error_code&, int) { context.stop(); });
        asio::co_spawn(context, accept(acceptor, provider), [](std::exception_ptr) {});
        std::printf("%u\n", acceptor.local_endpoint().port());
        std::fflush(stdout);
        context.run();
    });
}

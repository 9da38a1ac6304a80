// The chat client against a server that nobody here wrote (tests/model_server), for plain text.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "clients/openai_chat.hpp"
#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using oiab::core::Deadline;
using oiab::tests::run_coroutine;

namespace {

int find_free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(bind(descriptor, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    close(descriptor);
    return ntohs(address.sin_port);
}

HttpClientSettings direct() {
    HttpClientSettings settings;
    settings.proxy = "";
    return settings;
}

struct ModelServer {
    ModelServer() {
        const std::string folder = std::string{OIAB_SOURCE_DIR} + "/tests/model_server";
        const std::string program = folder + "/node_modules/@dwmkerr/mock-llm/dist/main.js";
        if (!std::filesystem::exists(program)) FAIL("the model server is not installed: run tests/model_server/setup");
        const int port = find_free_port();
        oiab::tests::ChildOptions options;
        // Left to itself it would listen on every address of the machine.
        options.environment = {{"HOST", "127.0.0.1"}, {"PORT", std::to_string(port)}};
        child.emplace(std::vector<std::string>{"node", program, "--config", folder + "/rules.yaml"}, options);
        settings.provider.base_url = "http://127.0.0.1:" + std::to_string(port) + "/v1";
        oiab::tests::eventually(
            30s,
            [&] {
                HttpRequest request;
                request.url = "http://127.0.0.1:" + std::to_string(port) + "/health";
                request.deadline = Deadline::after(5s);
                const auto response = run_coroutine(http.send(request));
                return response.has_value() && response->status() == 200;
            },
            "the model server answers");
    }

    std::expected<ChatAnswer, ModelError> ask(std::string text) {
        deltas.clear();
        ChatRequest request;
        request.model = "some-model";
        request.messages = {{Role::kUser, std::move(text), {}, {}}};
        request.deadline = Deadline::after(120s);
        OpenAiChat chat{http, settings, clock};
        return run_coroutine(
            chat.complete(request, [&](std::string_view text_part) { deltas.emplace_back(text_part); }));
    }

    std::optional<oiab::tests::ChildProcess> child;
    HttpClient http{direct()};
    oiab::core::SystemClock clock;
    OpenAiChatSettings settings;
    std::vector<std::string> deltas;
};

}  // namespace

TEST_CASE("model server: plain text comes back, streamed and whole, and refusals are told apart") {
    ModelServer server;
    const std::string words = "the quick brown fox jumps over the lazy dog";
    for (const Streaming streaming : {Streaming::kOn, Streaming::kOff}) {
        server.settings.streaming = streaming;
        const auto answer = server.ask(words);
        REQUIRE(answer);
        CHECK(answer->content == "You said: " + words);
        CHECK(answer->model == "some-model");
        CHECK(answer->finish_reason == "stop");
        std::string told;
        for (const auto& delta : server.deltas) told += delta;
        CHECK(told == answer->content);
        if (streaming == Streaming::kOn) CHECK(server.deltas.size() > 3);

        const auto refused = server.ask("wrong-key");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ModelErrorClass::kPermanent);
        CHECK(refused.error().message.find("Incorrect API key provided.") != std::string::npos);

        const auto busy = server.ask("too-busy");
        REQUIRE_FALSE(busy);
        CHECK(busy.error().kind == ModelErrorClass::kRetryable);
    }
}

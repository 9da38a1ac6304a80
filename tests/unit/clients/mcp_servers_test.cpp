// The client of the Model Context Protocol against servers that nobody here wrote (tests/mcp_servers and
// tests/model_server): one of the current revision, and two that know only older ones.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "clients/mcp_client.hpp"
#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using nlohmann::json;
using oiab::core::Deadline;
using oiab::tests::eventually;
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

std::string folder(const std::string& name) { return std::string{OIAB_SOURCE_DIR} + "/tests/" + name; }

/// A node program that serves the protocol at /mcp, and a client of it.
class Server {
public:
    enum class Which { kCurrent, kEverything, kMock };

    explicit Server(Which which) : port_{find_free_port()} {
        const std::string port = std::to_string(port_);
        switch (which) {
            case Which::kCurrent: command_ = {"node", folder("mcp_servers") + "/current.mjs", port}; break;
            case Which::kEverything:
                command_ = {
                    "node", "--require", folder("mcp_servers") + "/loopback.cjs",
                    folder("mcp_servers") + "/node_modules/@modelcontextprotocol/server-everything/dist/index.js",
                    "streamableHttp"};
                break;
            case Which::kMock:
                command_ = {"node", folder("model_server") + "/node_modules/@dwmkerr/mock-llm/dist/main.js", "--config",
                            folder("model_server") + "/rules.yaml"};
                break;
        }
        const auto package = which == Which::kMock ? folder("model_server") : folder("mcp_servers");
        if (!std::filesystem::exists(package + "/node_modules")) FAIL("not installed: run " + package + "/setup");
        start();
        McpServerSettings settings;
        settings.name = "real";
        settings.url = "http://127.0.0.1:" + port + "/mcp";
        settings.client_version = "1.0";
        settings.timeout = 60s;
        settings.list_timeout = 60s;
        settings.headers = {{"X-Api-Key", "key-of-the-test"}};
        client.emplace(http, settings, clock);
    }

    void start() {
        oiab::tests::ChildOptions options;
        options.environment = {{"HOST", "127.0.0.1"}, {"PORT", std::to_string(port_)}};
        child.emplace(command_, options);
        eventually(
            60s,
            [&] {
                HttpRequest request;
                request.url = "http://127.0.0.1:" + std::to_string(port_) + "/";
                request.deadline = Deadline::after(5s);
                return run_coroutine(http.send(request)).has_value();
            },
            "the server listens");
    }
    void restart() {
        child->signal(SIGKILL);
        child->wait_or_fail();
        start();
    }

    std::expected<McpListing, McpError> list() { return run_coroutine(client->list(Deadline::after(60s))); }
    std::expected<McpAnswer, McpError> call(McpCall call) { return run_coroutine(client->call(std::move(call))); }
    std::expected<McpAnswer, McpError> call(const std::string& tool, const json& arguments) {
        return call(making(tool, arguments));
    }
    static McpCall making(const std::string& tool, const json& arguments) {
        McpCall call;
        call.tool = tool;
        call.input_schema = R"({"type":"object"})";
        call.arguments = arguments.dump();
        call.idempotency_key = "the-job:tool-1-0";
        return call;
    }
    /// Makes the call, and cancels it after it has told progress once.
    void call_and_cancel(const std::string& tool, const json& arguments) {
        boost::asio::io_context context;
        boost::asio::cancellation_signal cancel;
        auto call = making(tool, arguments);
        int told = 0;
        bool answered = false;
        call.on_progress = [&] {
            if (++told == 1) boost::asio::post(context, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
        };
        boost::asio::co_spawn(
            context, client->call(std::move(call)),
            boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, const auto& answer) {
                answered = !error && answer.has_value();
            }));
        context.run();
        CHECK(told >= 1);
        CHECK_FALSE(answered);
    }

    std::optional<oiab::tests::ChildProcess> child;
    HttpClient http{[] {
        HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    oiab::core::SystemClock clock;
    std::optional<McpClient> client;

private:
    int port_;
    std::vector<std::string> command_;
};

const McpTool* find(const McpListing& listing, std::string_view name) {
    for (const auto& tool : listing.tools) {
        if (tool.name == name) return &tool;
    }
    return nullptr;
}

}  // namespace

TEST_CASE("mcp servers: the current SDK's is listed, called, heard in pieces and cancelled") {
    Server server{Server::Which::kCurrent};
    const auto listing = server.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2026-07-28");
    CHECK(listing->server == "current 1.0.0");
    CHECK(listing->rejected.empty());
    REQUIRE(listing->tools.size() == 4);
    REQUIRE(find(*listing, "add"));
    CHECK(find(*listing, "add")->read_only);
    CHECK_FALSE(find(*listing, "send")->read_only);
    CHECK(json::parse(find(*listing, "add")->input_schema)["required"] == json{"a", "b"});

    CHECK(server.call("add", {{"a", 2}, {"b", 40}})->text == "42");
    for (int i = 0; i < 2; ++i) {
        CHECK(server.call("send", {{"to", "Ada"}})->text == "sent 1 to Ada, key the-job:tool-1-0");
    }
    const auto failed = server.call("fail", json::object());
    REQUIRE(failed);
    CHECK(failed->is_error);
    CHECK(failed->text == "out of paper");
    const auto unknown = server.call("no-such-tool", json::object());
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().kind == McpFailure::kRefused);
    CHECK(server.call("add", {{"a", "two"}})->is_error);

    int told = 0;
    auto slow = Server::making("wait", {{"ms", 1}});
    slow.on_progress = [&] { ++told; };
    CHECK(server.call(std::move(slow))->text == "waited");
    CHECK(told == 2);
    const auto cancelled = [&] {
        const std::string out = server.child->out();
        return out.find("cancelled", out.rfind("waiting")) != std::string::npos;
    };
    server.call_and_cancel("wait", {{"ms", 600'000}});
    eventually(30s, cancelled, "the server has noticed");

    // No session, so nothing is lost with the process.
    server.restart();
    CHECK(server.call("add", {{"a", 1}, {"b", 1}})->text == "2");
}

TEST_CASE("mcp servers: one that knows only older revisions is greeted, and greeted again after it died") {
    Server server{Server::Which::kEverything};
    const auto listing = server.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2025-11-25");
    REQUIRE(find(*listing, "echo"));
    CHECK(find(*listing, "echo")->read_only);
    CHECK(find(*listing, "echo")->idempotent);
    CHECK(server.call("echo", {{"message", "hello"}})->text == "Echo: hello");

    int told = 0;
    auto slow = Server::making("trigger-long-running-operation", {{"duration", 1}, {"steps", 4}});
    slow.on_progress = [&] { ++told; };
    const auto done = server.call(std::move(slow));
    REQUIRE(done);
    CHECK(done->text.find("Long running operation completed") != std::string::npos);
    CHECK(told == 4);
    server.call_and_cancel("trigger-long-running-operation", {{"duration", 600}, {"steps", 6000}});

    server.restart();
    CHECK(server.call("echo", {{"message", "again"}})->text == "Echo: again");
    server.restart();
    REQUIRE(server.list());
    run_coroutine([](McpClient& client) -> boost::asio::awaitable<int> {
        co_await client.close();
        co_return 0;
    }(*server.client));
}

TEST_CASE("mcp servers: the model server's own is spoken to, with the configured headers") {
    Server server{Server::Which::kMock};
    const auto listing = server.list();
    REQUIRE(listing);
    CHECK(listing->revision == "2025-11-25");
    REQUIRE(find(*listing, "echo"));
    REQUIRE(find(*listing, "echo_headers"));
    const auto headers = server.call("echo_headers", json::object());
    REQUIRE(headers);
    CHECK(headers->text.find("the-job:tool-1-0") != std::string::npos);
    CHECK(headers->text.find("x-api-key") != std::string::npos);
    // What the server was sent comes back in its answer, but the secret does not reach the model.
    CHECK(headers->text.find("key-of-the-test") == std::string::npos);
    server.restart();
    CHECK(server.call("echo", {{"text", "still there"}}).has_value());
}

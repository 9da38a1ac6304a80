#include "support/opencode_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>

#include "support/eventually.hpp"
#include "support/run_coroutine.hpp"

namespace oiab::tests {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

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

/// The program is in the package of this machine's platform; the one for older processors has the longer name.
std::string find_program() {
    const std::string packages = std::string{OIAB_SOURCE_DIR} + "/tests/opencode_server/node_modules";
    for (const char* name : {"opencode-linux-x64", "opencode-linux-arm64", "opencode-linux-x64-baseline"}) {
        const std::string program = packages + "/" + name + "/bin/opencode";
        if (std::filesystem::exists(program)) return program;
    }
    FAIL("opencode is not installed: run tests/opencode_server/setup");
    return {};
}

json configuration(const std::string& model_url) {
    json model{{"name", "Scripted"}, {"tool_call", true}, {"limit", {{"context", 100000}, {"output", 4000}}}};
    json provider{{"npm", "@ai-sdk/openai-compatible"},
                  {"name", "Loopback"},
                  {"options", {{"baseURL", model_url}, {"apiKey", "loopback-key"}}},
                  {"models", {{"scripted", std::move(model)}}}};
    return {{"autoupdate", false},
            {"share", "disabled"},
            {"model", "loopback/scripted"},
            {"small_model", "loopback/scripted"},
            {"enabled_providers", {"loopback"}},
            {"provider", {{"loopback", std::move(provider)}}}};
}

std::string encoded(const std::string& text) {
    std::string out;
    for (const unsigned char c : text) {
        char hex[4];
        std::snprintf(hex, sizeof hex, "%%%02X", c);
        out += hex;
    }
    return out;
}

clients::HttpClientSettings without_proxy() {
    clients::HttpClientSettings settings;
    settings.proxy = "";
    return settings;
}

}  // namespace

OpencodeServer::OpencodeServer(const std::string& model_url) : port_{find_free_port()}, http_{without_proxy()} {
    std::filesystem::create_directories(home_.path() + "/.config/opencode");
    std::filesystem::create_directories(directory());
    static_cast<void>(home_.write(".config/opencode/opencode.json", configuration(model_url).dump()));
    start();
}

void OpencodeServer::kill() {
    child_->signal(SIGKILL);
    child_->wait_or_fail();
}

void OpencodeServer::start() {
    ChildOptions options;
    options.directory = directory();
    options.environment = {{"HOME", home_.path()},
                           {"XDG_CONFIG_HOME", home_.path() + "/.config"},
                           {"XDG_DATA_HOME", home_.path() + "/.local/share"},
                           {"XDG_STATE_HOME", home_.path() + "/.local/state"},
                           {"XDG_CACHE_HOME", home_.path() + "/.cache"},
                           {"OPENCODE_SERVER_PASSWORD", password()},
                           {"OPENCODE_DISABLE_MODELS_FETCH", "1"},
                           // It would install what its own plugins are written with.
                           {"NPM_CONFIG_OFFLINE", "true"},
                           {"OPENCODE_DISABLE_LSP_DOWNLOAD", "1"}};
    child_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{find_program(), "serve", "--hostname", "127.0.0.1", "--port", std::to_string(port_)},
        std::move(options));
    eventually(
        120s, [&] { return call("GET", "/config/providers", nullptr, directory(), 10s).status == 200; },
        "opencode answers");
}

OpencodeServer::Answer OpencodeServer::call(const std::string& method, const std::string& path, const json& body,
                                            const std::string& directory, std::chrono::milliseconds deadline) {
    clients::HttpRequest request;
    request.method = method;
    request.url = url() + path;
    if (!directory.empty()) {
        request.url += (path.find('?') == std::string::npos ? "?directory=" : "&directory=") + encoded(directory);
    }
    request.headers.emplace_back("Authorization", "Basic b3BlbmNvZGU6c2FuZGJveC1wYXNzd29yZA==");
    if (!body.is_null()) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = body.dump();
    }
    request.deadline = core::Deadline::after(deadline);
    const auto response = run_coroutine(http_.send(std::move(request)));
    if (!response) return {};
    auto parsed = json::parse(response->body, nullptr, false);
    if (parsed.is_discarded()) parsed = response->body;
    return {response->status(), std::move(parsed)};
}

void OpencodeServer::make_session(const std::string& id, const json& rules) {
    const auto made = call("POST", "/api/session", {{"id", id}, {"location", {{"directory", directory()}}}});
    INFO(made.body.dump());
    REQUIRE(made.status == 200);
    REQUIRE(call("PATCH", "/session/" + id, {{"title", "A title"}, {"permission", rules}}, directory()).status == 200);
}

json OpencodeServer::prompt(const std::string& id, const std::string& text) {
    return {{"messageID", "msg_" + id},
            {"model", {{"providerID", "loopback"}, {"modelID", "scripted"}}},
            {"parts", json::array({{{"id", "prt_" + id}, {"type", "text"}, {"text", text}}})}};
}

std::vector<json> OpencodeServer::messages(const std::string& session) {
    const auto answer = call("GET", "/session/" + session + "/message", nullptr, directory());
    REQUIRE(answer.status == 200);
    return answer.body.get<std::vector<json>>();
}

std::string OpencodeServer::status(const std::string& session) {
    const auto answer = call("GET", "/session/status", nullptr, directory());
    REQUIRE(answer.status == 200);
    return answer.body.contains(session) ? answer.body.at(session).value("type", "") : "idle";
}

OpencodeWorld& OpencodeWorld::shared() {
    static OpencodeWorld world;
    return world;
}

json allow_everything() { return json::array({{{"permission", "*"}, {"pattern", "*"}, {"action", "allow"}}}); }

}  // namespace oiab::tests

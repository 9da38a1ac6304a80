#pragma once
/// @file  A server of the Model Context Protocol made of a script a method, and the client that talks to it.

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "clients/mcp_client.hpp"
#include "support/http_server.hpp"
#include "support/run_coroutine.hpp"

namespace oiab::tests {

using namespace oiab::clients;
using namespace std::chrono_literals;
using nlohmann::json;
using oiab::core::Deadline;

/// A clock that a test moves; what passes meanwhile is added.
class MovedClock final : public core::Clock {
public:
    [[nodiscard]] core::SteadyTime now() const noexcept override {
        return std::chrono::steady_clock::now() + std::chrono::milliseconds{ahead_.load()};
    }
    [[nodiscard]] core::WallTime wall_now() const noexcept override { return system_.wall_now(); }
    void move(std::chrono::milliseconds by) { ahead_ += by.count(); }

private:
    core::SystemClock system_;
    std::atomic<std::int64_t> ahead_{0};
};

inline json result_message(const json& request, json result) {
    return {{"jsonrpc", "2.0"}, {"id", request.value("id", json{})}, {"result", std::move(result)}};
}
inline json error_message(const json& request, int code, std::string message, json data = nullptr) {
    json error{{"code", code}, {"message", std::move(message)}};
    if (!data.is_null()) error["data"] = std::move(data);
    return {{"jsonrpc", "2.0"}, {"id", request.value("id", json{})}, {"error", std::move(error)}};
}
inline json text_result(const std::string& text) {
    return {{"resultType", "complete"}, {"content", {{{"type", "text"}, {"text", text}}}}};
}
inline json tool(const std::string& name, json annotations = json::object()) {
    return {{"name", name},
            {"description", "Does " + name},
            {"inputSchema", {{"type", "object"}, {"properties", {{"x", {{"type", "string"}}}}}}},
            {"annotations", std::move(annotations)}};
}

/// Scripts by method; "*" answers what has none of its own. They run on the server's threads.
class McpScript {
public:
    using Reply = std::function<void(ServedConnection&, const ServedRequest&, const json&)>;

    McpScript()
        : server{[this](ServedConnection& connection, const ServedRequest& request) { serve(connection, request); }} {
        settings.name = "tester";
        settings.url = server.url("/mcp");
        settings.client_version = "1.2.3";
        settings.timeout = 60s;
        settings.list_timeout = 30s;
        settings.headers = {{"Authorization", "Bearer very-secret-token"}};
    }

    /// A server of revision 2026-07-28 with these tools.
    void be_modern(std::vector<json> tools = {tool("echo")}) {
        on("server/discover", [](ServedConnection& connection, const ServedRequest&, const json& request) {
            connection.respond_json(
                200,
                result_message(
                    request,
                    {{"resultType", "complete"},
                     {"supportedVersions", {"2026-07-28"}},
                     {"_meta", {{"io.modelcontextprotocol/serverInfo", {{"name", "scripted"}, {"version", "7"}}}}}})
                    .dump());
        });
        lists(std::move(tools));
    }
    void lists(std::vector<json> tools, json more = json::object()) {
        on("tools/list", [tools, more](ServedConnection& connection, const ServedRequest&, const json& request) {
            json result{{"resultType", "complete"}, {"tools", tools}};
            result.update(more);
            connection.respond_json(200, result_message(request, result).dump());
        });
    }
    /// A server of revision 2025-11-25 that gives out sessions s1, s2, …, of which only the newest is alive.
    void be_legacy(std::vector<json> tools = {tool("echo")}) {
        on("server/discover", [](ServedConnection& connection, const ServedRequest&, const json&) {
            connection.respond_json(
                400,
                R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null})");
        });
        on("initialize", [this](ServedConnection& connection, const ServedRequest&, const json& request) {
            const json result{{"protocolVersion", "2025-11-25"},
                              {"capabilities", {{"tools", json::object()}}},
                              {"serverInfo", {{"name", "old"}, {"version", "1"}}}};
            connection.respond_json(200, result_message(request, result).dump(), {{"Mcp-Session-Id", next_session()}});
        });
        on("notifications/initialized",
           [](ServedConnection& connection, const ServedRequest&, const json&) { connection.respond(202, ""); });
        lists(std::move(tools));
    }
    /// Wraps a script: a session that is not the newest is told so.
    Reply with_session(Reply inner, int status = 404) {
        return [this, inner, status](ServedConnection& connection, const ServedRequest& request, const json& message) {
            if (request.header("mcp-session-id") == session()) return inner(connection, request, message);
            connection.respond_json(
                status,
                R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session ID provided"},"id":null})");
        };
    }

    void on(const std::string& method, Reply reply) {
        const std::scoped_lock lock{mutex_};
        replies_[method] = std::move(reply);
    }
    void answers(const std::string& method, json result) {
        on(method, [result](ServedConnection& connection, const ServedRequest&, const json& request) {
            connection.respond_json(200, result_message(request, result).dump());
        });
    }
    void end_session() {
        const std::scoped_lock lock{mutex_};
        ++session_;
    }

    McpClient& client() {
        if (!client_) client_ = std::make_unique<McpClient>(http, settings, clock);
        return *client_;
    }
    std::expected<McpListing, McpError> list() { return run_coroutine(client().list(Deadline::after(60s))); }
    std::expected<McpAnswer, McpError> call(McpCall call) { return run_coroutine(client().call(std::move(call))); }
    std::expected<McpAnswer, McpError> call(std::string tool = "echo", json arguments = {{"x", "hi"}}) {
        return call(making(std::move(tool), std::move(arguments)));
    }
    static McpCall making(std::string tool, json arguments) {
        McpCall call;
        call.tool = std::move(tool);
        call.input_schema = R"({"type":"object"})";
        call.arguments = arguments.dump();
        call.idempotency_key = "job:tool-1-0";
        return call;
    }

    /// Requests of that method so far.
    std::vector<ServedRequest> requests(const std::string& method) const {
        std::vector<ServedRequest> found;
        for (auto& request : server.requests()) {
            const json message = json::parse(request.body, nullptr, false);
            if (message.is_object() && message.value("method", "") == method) found.push_back(std::move(request));
        }
        return found;
    }

    HttpServer server;
    HttpClient http{[] {
        HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    MovedClock clock;
    McpServerSettings settings;

private:
    std::string session() const {
        const std::scoped_lock lock{mutex_};
        return "s" + std::to_string(session_);
    }
    std::string next_session() {
        const std::scoped_lock lock{mutex_};
        return "s" + std::to_string(++session_);
    }
    void serve(ServedConnection& connection, const ServedRequest& request) {
        const json message = json::parse(request.body, nullptr, false);
        std::string method = message.is_object() ? message.value("method", "") : "";
        if (method.empty()) method = request.method;  // GET, DELETE, and answers of ours
        Reply reply;
        {
            const std::scoped_lock lock{mutex_};
            if (!replies_.contains(method)) method = "*";
            if (const auto found = replies_.find(method); found != replies_.end()) reply = found->second;
        }
        if (reply) reply(connection, request, message);
        else connection.respond(405, "");
    }

    mutable std::mutex mutex_;
    std::map<std::string, Reply> replies_;
    int session_ = 0;
    std::unique_ptr<McpClient> client_;
};

/// Sends these messages as a stream of events.
inline McpScript::Reply streaming(std::vector<json> before, json result, std::string id_prefix = "") {
    return [=](ServedConnection& connection, const ServedRequest&, const json& request) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        int number = 0;
        auto messages = before;
        messages.push_back(result_message(request, result));
        for (auto& message : messages) {
            if (message.value("/params/progressToken"_json_pointer, json{}) == "ours") {
                message["params"]["progressToken"] = request["params"]["_meta"]["progressToken"];
            }
            std::string event = "event: message\n";
            if (!id_prefix.empty()) event += "id: " + id_prefix + std::to_string(++number) + "\n";
            connection.chunk(event + "data: " + message.dump() + "\n\n");
        }
        connection.end_chunks();
    };
}

}  // namespace oiab::tests

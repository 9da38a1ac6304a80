#pragma once
/// @file  An OpenAI-compatible provider made of a script, and the client that asks it.

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "clients/openai_chat.hpp"
#include "clients/provider.hpp"
#include "support/http_server.hpp"
#include "support/run_coroutine.hpp"

namespace oiab::tests {

using namespace oiab::clients;
using namespace std::chrono_literals;
using nlohmann::json;
using oiab::core::Deadline;

using Answer = std::expected<ChatAnswer, ModelError>;

struct Provider {
    explicit Provider(HttpServer::Script script) : server{std::move(script)} {
        settings.provider.base_url = server.url("/v1/");
        settings.provider.api_key = "sk-very-secret";
    }

    Answer ask(ChatRequest request) {
        deltas.clear();
        OpenAiChat chat{http, settings, clock};
        return run_coroutine(chat.complete(std::move(request),
                                           [this](std::string_view text) { deltas += "[" + std::string{text} + "]"; }));
    }
    Answer ask(std::string text = "Hi") { return ask(question(std::move(text))); }

    static ChatRequest question(std::string text) {
        ChatRequest request;
        request.model = "gpt-4o-mini";
        request.messages = {{Role::kSystem, "Be brief.", {}, {}}, {Role::kUser, std::move(text), {}, {}}};
        request.deadline = Deadline::after(120s);
        return request;
    }
    json body(std::size_t i = 0) const { return json::parse(server.requests().at(i).body); }

    HttpServer server;
    HttpClient http{[] {
        HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    oiab::core::SystemClock clock;
    OpenAiChatSettings settings;
    std::string deltas;
};

/// A script that streams these events, ended as given.
inline HttpServer::Script streaming(std::vector<std::string> events, bool ended = true) {
    return [events = std::move(events), ended](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream; charset=utf-8"}});
        for (const auto& event : events) connection.chunk("data: " + event + "\n\n");
        if (ended) connection.end_chunks();
        else connection.close_after();
    };
}

inline HttpServer::Script answering(int status, std::string body, ServedConnection::Headers headers = {}) {
    return [=](ServedConnection& connection, const ServedRequest&) { connection.respond_json(status, body, headers); };
}

inline std::string delta(std::string_view text) {
    return json{{"model", "m-1"}, {"choices", {{{"index", 0}, {"delta", {{"content", text}}}}}}}.dump();
}
inline const std::string kStop = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
inline const std::string kUsage =
    R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}})";
inline const std::string kWhole =
    R"({"model":"m-1","choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":5,"completion_tokens":1}})";

}  // namespace oiab::tests

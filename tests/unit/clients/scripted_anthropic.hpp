#pragma once
/// @file  Anthropic's messages made of a script, and the client that asks for them.

#include <string>
#include <utility>
#include <vector>

#include "clients/chat_factory.hpp"
#include "scripted_provider.hpp"

namespace oiab::tests {

/// One event as the wire has it: its name is its type.
inline std::string event(const json& data) {
    return "event: " + data.at("type").get<std::string>() + "\ndata: " + data.dump() + "\n\n";
}
inline std::string message_start(const json& usage = {{"input_tokens", 10}, {"output_tokens", 1}}) {
    return event({{"type", "message_start"},
                  {"message",
                   {{"id", "msg_1"},
                    {"type", "message"},
                    {"role", "assistant"},
                    {"content", json::array()},
                    {"model", "claude-x"},
                    {"stop_reason", nullptr},
                    {"usage", usage}}}});
}
inline std::string block_start(int index, const json& block) {
    return event({{"type", "content_block_start"}, {"index", index}, {"content_block", block}});
}
inline std::string block_delta(int index, const json& change) {
    return event({{"type", "content_block_delta"}, {"index", index}, {"delta", change}});
}
inline std::string block_stop(int index) { return event({{"type", "content_block_stop"}, {"index", index}}); }
inline std::string text_delta(int index, std::string_view text) {
    return block_delta(index, {{"type", "text_delta"}, {"text", text}});
}
inline std::string message_delta(const char* reason, const json& usage = {{"output_tokens", 7}}) {
    return event({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}, {"usage", usage}});
}
inline std::string message_stop() { return event({{"type", "message_stop"}}); }
inline const json kTextBlock{{"type", "text"}, {"text", ""}};

inline HttpServer::Script sending(std::vector<std::string> pieces, bool ended = true) {
    return [pieces = std::move(pieces), ended](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream; charset=utf-8"}});
        for (const auto& piece : pieces) connection.chunk(piece);
        if (ended) connection.end_chunks();
        else connection.close_after();
    };
}
inline HttpServer::Script saying(std::string_view text) {
    return sending({message_start(), block_start(0, kTextBlock), text_delta(0, text), block_stop(0),
                    message_delta("end_turn"), message_stop()});
}

struct Anthropic {
    explicit Anthropic(HttpServer::Script script) : provider{std::move(script)} {
        endpoint.protocol = ChatProtocol::kAnthropic;
        endpoint.provider.base_url = provider.server.url();
        endpoint.provider.api_key = "sk-very-secret";
    }
    Answer ask(ChatRequest request) {
        deltas.clear();
        const auto chat = make_chat_model(provider.http, endpoint, provider.clock);
        return run_coroutine(chat->complete(
            std::move(request), [this](std::string_view text) { deltas += "[" + std::string{text} + "]"; }));
    }
    Answer ask() { return ask(Provider::question("Hi")); }
    ServedRequest seen() const { return provider.server.requests().back(); }
    json body() const { return json::parse(seen().body); }

    Provider provider;
    ChatEndpoint endpoint;
    std::string deltas;
};

}  // namespace oiab::tests

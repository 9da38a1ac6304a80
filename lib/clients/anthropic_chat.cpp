#include "clients/anthropic_chat.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "clients/anthropic_answer.hpp"
#include "clients/anthropic_request.hpp"
#include "clients/sse.hpp"

namespace oiab::clients {

AnthropicChat::AnthropicChat(HttpClient& http, AnthropicSettings settings, const core::Clock& clock)
    : http_{http}, settings_{std::move(settings)}, clock_{clock} {}

asio::awaitable<std::expected<ChatAnswer, ModelError>> AnthropicChat::complete(ChatRequest request, OnDelta on_delta) {
    HttpRequest http =
        make_provider_request(settings_.provider, "/messages", messages_body(request, settings_), request.deadline);
    http.headers.emplace_back("anthropic-version", settings_.version);
    if (!request.idempotency_key.empty()) http.headers.emplace_back("Idempotency-Key", request.idempotency_key);
    const core::Deadline deadline = request.deadline;
    request = {};  // a long conversation need not be kept in memory while the answer comes
    auto stream = co_await http_.open(std::move(http));
    if (!stream) co_return std::unexpected{model_error_of(stream.error(), deadline)};
    const HttpHead& head = stream->head();
    const bool is_json = head.find_header("content-type").value_or("").find("json") != std::string_view::npos;
    if (head.status == 200 && !is_json) {
        co_return co_await read_events(std::move(*stream), deadline, std::move(on_delta));
    }
    // An error, or a server that doesn't stream although it was asked to.
    const auto response = co_await collect_answer(std::move(*stream));
    if (!response) co_return std::unexpected{model_error_of(response.error(), deadline)};
    co_return read_whole(response->head, response->body, on_delta);
}

AnthropicChat::Answer AnthropicChat::read_whole(const HttpHead& head, const std::string& body,
                                                const OnDelta& on_delta) const {
    if (head.status != 200) {
        return std::unexpected{model_error_of(settings_.provider, head, body, clock_.wall_now())};
    }
    const auto parsed = parse_provider_json(body);
    if (parsed.is_discarded()) return std::unexpected{garbled_answer("it is not JSON")};
    AnthropicAnswer answer;
    const auto text = answer.take_whole(parsed, settings_.provider);
    if (!text) return std::unexpected{text.error()};
    if (on_delta && !text->empty()) on_delta(*text);
    return answer.take();
}

asio::awaitable<AnthropicChat::Answer> AnthropicChat::read_events(HttpStream stream, core::Deadline deadline,
                                                                  OnDelta on_delta) {
    SseParser parser;
    AnthropicAnswer answer;
    std::vector<SseEvent> events;
    while (!answer.is_complete()) {
        const auto data = co_await stream.read();
        if (!data) co_return std::unexpected{model_error_of(data.error(), deadline)};
        if (data->empty()) {
            ModelError broken{ModelErrorClass::kRetryable, "the provider's stream ended before its answer was complete",
                              std::nullopt, 200};
            broken.may_be_billed = true;
            co_return std::unexpected{std::move(broken)};
        }
        events.clear();
        if (!parser.push(*data, events)) co_return std::unexpected{garbled_answer("an event of its stream has no end")};
        for (const SseEvent& event : events) {
            const auto parsed = parse_provider_json(event.data);
            if (parsed.is_discarded()) co_return std::unexpected{garbled_answer("an event of its stream is not JSON")};
            const auto text = answer.take_event(parsed, settings_.provider);
            if (!text) co_return std::unexpected{text.error()};
            if (on_delta && !text->empty()) on_delta(*text);
            if (answer.is_complete()) break;
        }
    }
    stream.finish();
    co_return answer.take();
}

}  // namespace oiab::clients

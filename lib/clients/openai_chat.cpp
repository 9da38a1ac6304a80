#include "clients/openai_chat.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "clients/openai_chat_format.hpp"
#include "clients/sse.hpp"

namespace oiab::clients {
namespace {

/// "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
bool wants_other_limit(const ModelError& error) {
    return error.status == 400 && error.message.find("max_completion_tokens") != std::string::npos;
}

}  // namespace

OpenAiChat::OpenAiChat(HttpClient& http, OpenAiChatSettings settings, const core::Clock& clock)
    : http_{http}, settings_{std::move(settings)}, clock_{clock} {}

asio::awaitable<std::expected<ChatAnswer, ModelError>> OpenAiChat::complete(ChatRequest request, OnDelta on_delta) {
    if (settings_.max_output_tokens) {
        // What a budget affords may be more than the model writes.
        request.max_output_tokens =
            std::min(request.max_output_tokens.value_or(*settings_.max_output_tokens), *settings_.max_output_tokens);
    }
    if (settings_.token_limit != TokenLimitName::kByModel || !names_max_tokens(request, settings_)) {
        co_return co_await send(std::move(request), settings_.token_limit, std::move(on_delta));
    }
    auto answer = co_await send(request, settings_.token_limit, on_delta);
    if (answer || !wants_other_limit(answer.error())) co_return answer;
    co_return co_await send(std::move(request), TokenLimitName::kMaxCompletionTokens, std::move(on_delta));
}

asio::awaitable<OpenAiChat::Answer> OpenAiChat::send(ChatRequest request, TokenLimitName token_limit,
                                                     OnDelta on_delta) {
    OpenAiChatSettings settings = settings_;
    settings.token_limit = token_limit;
    HttpRequest http = make_provider_request(settings_.provider, settings_.paths.chat(request.model),
                                             chat_body(request, settings), request.deadline);
    if (!request.idempotency_key.empty()) http.headers.emplace_back("Idempotency-Key", request.idempotency_key);
    request = {};  // a long conversation need not be kept in memory while the answer comes
    if (settings_.streaming == Streaming::kOff) {
        co_return co_await complete_whole(std::move(http), std::move(on_delta));
    }
    co_return co_await complete_streamed(std::move(http), std::move(on_delta));
}

asio::awaitable<OpenAiChat::Answer> OpenAiChat::complete_whole(HttpRequest request, OnDelta on_delta) {
    const core::Deadline deadline = request.deadline;
    auto stream = co_await http_.open(std::move(request));
    if (!stream) co_return std::unexpected{model_error_of(stream.error(), deadline)};
    const auto response = co_await collect_answer(std::move(*stream));
    if (!response) co_return std::unexpected{model_error_of(response.error(), deadline)};
    co_return read_whole(response->head, response->body, on_delta);
}

asio::awaitable<OpenAiChat::Answer> OpenAiChat::complete_streamed(HttpRequest request, OnDelta on_delta) {
    const core::Deadline deadline = request.deadline;
    auto stream = co_await http_.open(std::move(request));
    if (!stream) co_return std::unexpected{model_error_of(stream.error(), deadline)};
    const HttpHead& head = stream->head();
    const bool is_json = head.find_header("content-type").value_or("").find("json") != std::string_view::npos;
    if (head.status == 200 && !is_json)
        co_return co_await read_events(std::move(*stream), deadline, std::move(on_delta));
    // An error, or a server that doesn't stream although it was asked to.
    const auto response = co_await collect_answer(std::move(*stream));
    if (!response) co_return std::unexpected{model_error_of(response.error(), deadline)};
    co_return read_whole(response->head, response->body, on_delta);
}

OpenAiChat::Answer OpenAiChat::read_whole(const HttpHead& head, const std::string& body,
                                          const OnDelta& on_delta) const {
    if (head.status != 200) {
        return std::unexpected{model_error_of(settings_.provider, head, body, clock_.wall_now())};
    }
    const auto parsed = parse_provider_json(body);
    if (parsed.is_discarded()) return std::unexpected{garbled_answer("it is not JSON")};
    ChatAssembly assembly;
    const auto text = assembly.take(parsed, settings_.provider);
    if (!text) return std::unexpected{text.error()};
    if (assembly.is_empty()) return std::unexpected{garbled_answer("it has no choices")};
    if (on_delta && !text->empty()) on_delta(*text);
    return assembly.take_answer();
}

asio::awaitable<OpenAiChat::Answer> OpenAiChat::read_events(HttpStream stream, core::Deadline deadline,
                                                            OnDelta on_delta) {
    SseParser parser;
    ChatAssembly assembly;
    std::vector<SseEvent> events;
    while (true) {
        const auto data = co_await stream.read();
        if (!data || data->empty()) {
            // Complete is what the provider has called complete, however the connection ended afterwards.
            if (assembly.is_finished()) co_return assembly.take_answer();
            if (!data) co_return std::unexpected{model_error_of(data.error(), deadline)};
            ModelError broken{ModelErrorClass::kRetryable, "the provider's stream ended before its answer was complete",
                              std::nullopt, 200};
            broken.may_be_billed = true;
            co_return std::unexpected{std::move(broken)};
        }
        events.clear();
        if (!parser.push(*data, events)) co_return std::unexpected{garbled_answer("an event of its stream has no end")};
        for (const SseEvent& event : events) {
            if (event.data == "[DONE]") {
                if (assembly.is_empty()) co_return std::unexpected{garbled_answer("its stream has no choices")};
                stream.finish();
                co_return assembly.take_answer();
            }
            const auto piece = parse_provider_json(event.data);
            if (piece.is_discarded()) co_return std::unexpected{garbled_answer("an event of its stream is not JSON")};
            auto text = event.event == "error" ? std::unexpected{model_error_in(settings_.provider, piece)}
                                               : assembly.take(piece, settings_.provider);
            if (!text) {
                // Also thoughts and tool calls cost, of which on_delta tells nothing.
                text.error().may_be_billed |= !assembly.is_empty();
                co_return std::unexpected{std::move(text.error())};
            }
            if (on_delta && !text->empty()) on_delta(*text);
        }
    }
}

}  // namespace oiab::clients

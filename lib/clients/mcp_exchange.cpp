#include "clients/mcp_exchange.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "clients/mcp_message.hpp"
#include "clients/provider.hpp"
#include "clients/sse.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kResumeAfter{1'000};  // where the server does not say
constexpr std::chrono::milliseconds kLongestPause{30'000};
/// How often in a row a stream is opened again without an event on it.
constexpr int kMaxBarrenResumes = 3;
/// An honest server asks a client without capabilities for nothing but a ping.
constexpr int kMaxRequests = 32;

bool is_stream(const HttpHead& head) {
    return head.status == 200 &&
           head.find_header("content-type").value_or("").find("text/event-stream") != std::string_view::npos;
}

/// Older revisions allow several messages in one body.
json find_answer(json body, std::int64_t id) {
    if (!body.is_array()) {
        if (mcp::meaning_of(body, id) == mcp::Meaning::kAnswer) return body;
        return json::value_t::discarded;
    }
    for (auto& message : body) {
        if (mcp::meaning_of(message, id) == mcp::Meaning::kAnswer) return std::move(message);
    }
    return json::value_t::discarded;
}

class EventReader {
public:
    EventReader(HttpClient& http, McpExchange& what) : http_{http}, what_{what} {}

    asio::awaitable<std::expected<McpReply, CallError>> read(HttpStream stream) {
        const HttpHead head = stream.head();
        for (;;) {
            auto data = co_await stream.read();
            if (!data || data->empty()) {
                if (!data && !is_broken(data.error())) co_return std::unexpected{std::move(data.error())};
                auto again = co_await resume();
                if (!again) co_return std::unexpected{data ? ended() : std::move(data.error())};
                stream = std::move(*again);
                parser_ = SseParser{mcp::kMaxMessageBytes};
                continue;
            }
            std::vector<SseEvent> events;
            if (!parser_.push(*data, events)) {
                co_return std::unexpected{
                    CallError{CallFailure::kTooLarge, "an event of the answer has no end", Repeat::kUnsafe}};
            }
            for (const SseEvent& event : events) {
                json message = take(event);
                if (mcp::meaning_of(message, what_.id) == mcp::Meaning::kAnswer) {
                    stream.finish();
                    co_return McpReply{head, std::move(message)};
                }
                co_await act_on(std::move(message));
            }
        }
    }

private:
    static bool is_broken(const CallError& error) {
        return error.kind == CallFailure::kTruncated || error.kind == CallFailure::kConnect;
    }

    static CallError ended() {
        return {CallFailure::kTruncated, "the stream ended before the answer was there", Repeat::kUnsafe};
    }

    json take(const SseEvent& event) {
        if (!event.id.empty()) last_event_ = event.id;
        barren_resumes_ = 0;
        // The first event of a stream often has nothing but an id, to resume from.
        if (event.data.empty()) return json::value_t::discarded;
        return parse_provider_json(event.data);
    }

    asio::awaitable<void> act_on(json message) {
        switch (mcp::meaning_of(message, what_.id)) {
            case mcp::Meaning::kProgress:
                if (what_.on_progress) what_.on_progress();
                break;
            case mcp::Meaning::kToolsChanged:
                if (what_.on_tools_changed) what_.on_tools_changed();
                break;
            case mcp::Meaning::kRequest:
                if (what_.on_request && ++requests_ <= kMaxRequests) co_await what_.on_request(std::move(message));
                break;
            case mcp::Meaning::kAnswer:
            case mcp::Meaning::kOther: break;
        }
    }

    /// @returns nullopt where the stream cannot be opened again.
    asio::awaitable<std::optional<HttpStream>> resume() {
        if (!what_.may_resume || last_event_.empty() || ++barren_resumes_ > kMaxBarrenResumes) co_return std::nullopt;
        const auto pause = std::min(parser_.retry().value_or(kResumeAfter), kLongestPause);
        if (what_.request.deadline.left() <= pause) co_return std::nullopt;
        asio::steady_timer timer{co_await asio::this_coro::executor, pause};
        co_await timer.async_wait(asio::use_awaitable);
        HttpRequest request = what_.request;
        request.method = "GET";
        request.body.clear();
        std::erase_if(request.headers, [](const auto& header) {
            return header.first == "Content-Type" || header.first == "Accept" || header.first == "Idempotency-Key";
        });
        request.headers.emplace_back("Accept", "text/event-stream");
        request.headers.emplace_back("Last-Event-ID", last_event_);
        auto stream = co_await http_.open(std::move(request));
        if (!stream || !is_stream(stream->head())) co_return std::nullopt;
        co_return std::move(*stream);
    }

    HttpClient& http_;
    McpExchange& what_;
    SseParser parser_{mcp::kMaxMessageBytes};
    std::string last_event_;
    int barren_resumes_ = 0;
    int requests_ = 0;
};

}  // namespace

asio::awaitable<std::expected<McpReply, CallError>> exchange(HttpClient& http, McpExchange what) {
    HttpRequest request = what.request;
    auto stream = co_await http.open(std::move(request));
    if (!stream) co_return std::unexpected{std::move(stream.error())};
    if (is_stream(stream->head())) {
        EventReader reader{http, what};
        auto reply = co_await reader.read(std::move(*stream));
        // The server has taken the request. A stream that is opened again may be asked for as often as one likes; the
        // call whose answer it was to bring may not.
        if (!reply && !what.request.idempotent) reply.error().repeat = Repeat::kUnsafe;
        co_return reply;
    }
    auto response = co_await collect_answer(std::move(*stream));
    if (!response) co_return std::unexpected{std::move(response.error())};
    McpReply reply{std::move(response->head), json::value_t::discarded};
    if (what.id != 0) reply.message = find_answer(parse_provider_json(response->body), what.id);
    co_return reply;
}

}  // namespace oiab::clients

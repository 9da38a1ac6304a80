#include "clients/mcp_client.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <set>

#include "clients/mcp_headers.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int kMaxPages = 32;
constexpr std::size_t kMaxTools = 500;
constexpr std::size_t kMaxDefinitions = 1U << 20U;  // bytes of descriptions and schemas together
constexpr std::size_t kMaxRejected = 50;            // sentences

/// A list is kept for as long as its server says, within these; most say nothing, or none at all, and a burst of turns
/// shall not ask each for itself.
constexpr std::chrono::milliseconds kShortestFresh{2'000};
constexpr std::chrono::milliseconds kLongestFresh{3'600'000};
constexpr std::chrono::milliseconds kFreshUntold{60'000};
/// How long a failure counts for whoever asks next.
constexpr std::chrono::milliseconds kFailureFresh{2'000};
constexpr auto kCancelNotice = 2s;

/// Adds a page to the list: names are unique, and the whole is bounded.
class ToolGathering {
public:
    explicit ToolGathering(McpListing& listing) : listing_{listing} {}

    void add(mcp::ToolPage page) {
        for (auto& sentence : page.rejected) reject(std::move(sentence));
        for (auto& tool : page.tools) {
            size_ += tool.description.size() + tool.input_schema.size();
            if (!names_.insert(tool.name).second)
                reject("a second tool of the name " + json(tool.name).dump() + " is left out");
            else if (listing_.tools.size() >= kMaxTools || size_ > kMaxDefinitions) is_full_ = true;
            else listing_.tools.push_back(std::move(tool));
        }
        if (is_full_) reject("the server has more tools than are taken; the rest is left out");
    }
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }
    void stop_after(int pages) {
        reject("the server has more than " + std::to_string(pages) + " pages of tools; the rest is left out");
    }

private:
    void reject(std::string sentence) {
        if (listing_.rejected.size() < kMaxRejected) listing_.rejected.push_back(std::move(sentence));
    }

    McpListing& listing_;
    std::set<std::string> names_;
    std::size_t size_ = 0;
    bool is_full_ = false;
};

}  // namespace

/// A reply and how it is to be taken.
struct McpClient::Sent {
    std::expected<McpReply, CallError> reply;
    bool is_stranger = false;
};

McpClient::McpClient(HttpClient& http, McpServerSettings settings, const core::Clock& clock)
    : connection_{http, std::move(settings), clock} {}

std::optional<McpClient::Listing> McpClient::find_fresh() const {
    const std::scoped_lock lock{mutex_};
    if (!listing_ || fresh_until_.reached(connection_.clock().now())) return std::nullopt;
    return listing_;
}

void McpClient::keep(const Listing& listing, std::chrono::milliseconds fresh) {
    const std::scoped_lock lock{mutex_};
    listing_ = listing;
    fresh_until_ = core::Deadline::after(fresh, connection_.clock().now());
}

void McpClient::mark_stale() {
    const std::scoped_lock lock{mutex_};
    fresh_until_ = core::Deadline{core::SteadyTime::min()};
}

asio::awaitable<McpClient::Listing> McpClient::list(core::Deadline deadline) {
    if (auto fresh = find_fresh()) co_return std::move(*fresh);
    auto pass = co_await turnstile_.enter();
    if (!pass) co_return std::unexpected{connection_.error(McpFailure::kCancelled, "was not asked: cancelled")};
    if (auto fresh = find_fresh()) co_return std::move(*fresh);
    const auto until = deadline.or_earlier(core::Deadline::after(settings().list_timeout));
    auto listing = co_await fetch(until);
    if (!listing && listing.error().kind != McpFailure::kCancelled) keep(listing, kFailureFresh);
    co_return listing;
}

asio::awaitable<McpClient::Sent> McpClient::send_page(McpPeer peer, std::string cursor, core::Deadline deadline) {
    McpOutgoing out;
    out.method = "tools/list";
    out.params = json::object();
    if (!cursor.empty()) out.params["cursor"] = std::move(cursor);
    out.deadline = deadline;
    Sent sent;
    sent.reply = co_await connection_.send(peer, std::move(out), nullptr);
    sent.is_stranger = sent.reply && McpConnection::is_stranger(peer, *sent.reply);
    if (sent.is_stranger) connection_.forget(peer);
    co_return sent;
}

asio::awaitable<McpClient::Listing> McpClient::fetch(core::Deadline deadline) {
    McpListing listing;
    ToolGathering gathering{listing};
    std::set<std::string> cursors;
    std::string cursor;
    auto fresh = kLongestFresh;
    bool greeted_again = false;
    for (int page_number = 0; page_number < kMaxPages; ++page_number) {
        const auto peer = co_await connection_.connect(deadline);
        if (!peer) co_return std::unexpected{peer.error()};
        const auto sent = co_await send_page(*peer, cursor, deadline);
        if (!sent.reply) co_return std::unexpected{connection_.error_of(sent.reply.error(), true)};
        if (sent.is_stranger && !std::exchange(greeted_again, true)) {
            --page_number;
            continue;
        }
        listing.revision = peer->revision;
        listing.server = peer->server;
        const auto result = connection_.result_of(*sent.reply);
        if (!result) {
            const auto refusal = mcp::find_refusal(sent.reply->message);
            // A server without tools need not know the method.
            if (!refusal || refusal->code != mcp::kMethodNotFound) co_return std::unexpected{result.error()};
            break;
        }
        auto page = mcp::read_tool_page(*result);
        if (!page)
            co_return std::unexpected{connection_.error(McpFailure::kUnusable, "sent a list of tools that is none")};
        fresh = std::min(fresh, page->fresh.count() < 0 ? kFreshUntold : std::max(page->fresh, kShortestFresh));
        cursor = page->next_cursor;
        gathering.add(std::move(*page));
        // A cursor that comes back leads in a circle.
        if (cursor.empty() || gathering.is_full() || !cursors.insert(cursor).second) break;
        if (page_number + 1 == kMaxPages) gathering.stop_after(kMaxPages);
    }
    for (auto& sentence : listing.rejected) sentence = connection_.without_secrets(std::move(sentence));
    Listing whole{std::move(listing)};
    keep(whole, fresh);
    co_return whole;
}

asio::awaitable<McpClient::Sent> McpClient::send_call(McpPeer peer, const McpCall& call, core::Deadline deadline) {
    const json arguments = core::parse_foreign_json(call.arguments);
    McpOutgoing out;
    out.method = "tools/call";
    out.name = call.tool;
    out.params = {{"name", call.tool}, {"arguments", arguments.is_object() ? arguments : json::object()}};
    if (!call.idempotency_key.empty()) {
        out.params["_meta"][std::string{kMcpIdempotencyKey}] = call.idempotency_key;
        out.headers.emplace_back("Idempotency-Key", call.idempotency_key);
    }
    if (peer.is_modern) {
        const auto mirrored = mcp::parameter_headers(core::parse_foreign_json(call.input_schema), arguments);
        out.headers.insert(out.headers.end(), mirrored.begin(), mirrored.end());
    }
    out.deadline = deadline;
    out.may_repeat = call.may_repeat;
    // Even nobody's callback asks for them: they keep the connection alive.
    out.on_progress = call.on_progress ? call.on_progress : [] {};
    out.on_tools_changed = [this] { mark_stale(); };

    std::int64_t id = 0;
    Sent sent;
    std::exception_ptr aborted;
    try {
        sent.reply = co_await connection_.send(peer, std::move(out), &id);
    } catch (const boost::system::system_error&) {  // a cancellation between two waits
        aborted = std::current_exception();
    }
    const bool given_up = aborted || (!sent.reply && (sent.reply.error().kind == CallFailure::kCancelled ||
                                                      sent.reply.error().kind == CallFailure::kTimeout));
    if (given_up && !peer.is_modern) {
        // A broken connection means nothing to these revisions: they want to be told.
        const bool throws = co_await asio::this_coro::throw_if_cancelled();
        co_await asio::this_coro::throw_if_cancelled(false);
        json params{{"requestId", id}, {"reason", "oiabd no longer waits for it"}};
        std::string method = "notifications/cancelled";
        const auto until = core::Deadline::after(kCancelNotice);
        static_cast<void>(co_await connection_.notify(peer, std::move(method), std::move(params), until));
        co_await asio::this_coro::throw_if_cancelled(throws);
    }
    if (aborted) std::rethrow_exception(aborted);
    sent.is_stranger = sent.reply && McpConnection::is_stranger(peer, *sent.reply);
    if (sent.is_stranger) connection_.forget(peer);
    co_return sent;
}

asio::awaitable<void> McpClient::renew_schema(McpCall& call, core::Deadline deadline) {
    mark_stale();
    const auto listing = co_await list(deadline);
    if (!listing) co_return;
    for (const auto& tool : listing->tools) {
        if (tool.name == call.tool) call.input_schema = tool.input_schema;
    }
}

asio::awaitable<McpClient::Answer> McpClient::call(McpCall call) {
    const auto deadline = call.deadline.or_earlier(core::Deadline::after(settings().timeout));
    bool greeted_again = false;
    bool schema_renewed = false;
    for (;;) {
        const auto peer = co_await connection_.connect(deadline);
        if (!peer) co_return std::unexpected{peer.error()};
        const auto sent = co_await send_call(*peer, call, deadline);
        if (!sent.reply) co_return std::unexpected{connection_.error_of(sent.reply.error(), call.may_repeat)};
        if (sent.is_stranger && !std::exchange(greeted_again, true)) continue;
        const auto refusal = mcp::find_refusal(sent.reply->message);
        if (refusal && refusal->code == mcp::kHeaderMismatch && !std::exchange(schema_renewed, true)) {
            co_await renew_schema(call, deadline);
            continue;
        }
        const auto result = connection_.result_of(*sent.reply);
        if (!result) co_return std::unexpected{result.error()};
        const json clean = connection_.without_secrets_in(*result);
        auto answer = mcp::read_tool_result(clean, settings().max_result_bytes);
        if (!answer) {
            co_return std::unexpected{connection_.error(McpFailure::kUnusable, "answered, but " + answer.error())};
        }
        answer->text = connection_.without_secrets(std::move(answer->text));
        co_return std::move(*answer);
    }
}

}  // namespace oiab::clients

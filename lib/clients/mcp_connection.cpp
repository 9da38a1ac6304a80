#include "clients/mcp_connection.hpp"

#include <algorithm>

#include "clients/provider.hpp"
#include "clients/retry_after.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kFailureCounts = 2s;
constexpr auto kFarewell = 2s;
constexpr std::size_t kLongestSession = 1024;

bool is_success(int status) { return status >= 200 && status < 300; }

/// Only visible ASCII may be in it, and it comes back in a header.
bool is_session_id(std::string_view text) {
    return !text.empty() && text.size() <= kLongestSession &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

const json* find_array(const json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? &*found : nullptr;
}

}  // namespace

McpConnection::McpConnection(HttpClient& http, McpServerSettings settings, const core::Clock& clock)
    : http_{http}, settings_{std::move(settings)}, clock_{clock} {}

std::optional<McpPeer> McpConnection::known() const {
    const std::scoped_lock lock{mutex_};
    return peer_;
}

void McpConnection::forget(const McpPeer& stale) {
    const std::scoped_lock lock{mutex_};
    // Whoever comes late with the same complaint must not end the session that replaced it.
    if (peer_ && peer_->revision == stale.revision && peer_->session_id == stale.session_id) peer_.reset();
}

asio::awaitable<std::expected<McpPeer, McpError>> McpConnection::connect(core::Deadline deadline) {
    if (auto peer = known()) co_return std::move(*peer);
    auto pass = co_await turnstile_.enter();
    if (!pass) co_return std::unexpected{error(McpFailure::kCancelled, "was not asked: cancelled")};
    {
        const std::scoped_lock lock{mutex_};
        if (peer_) co_return *peer_;
        if (failure_ && !failure_counts_.reached(clock_.now())) co_return std::unexpected{*failure_};
    }
    const auto until = deadline.or_earlier(core::Deadline::after(settings_.list_timeout));
    auto peer = co_await greet(until);
    // Whatever became of the greeting, what was to follow it has not been sent.
    if (!peer && (peer.error().kind == McpFailure::kUnknown || peer.error().kind == McpFailure::kTimeout)) {
        peer.error().kind = McpFailure::kUnavailable;
    }
    const std::scoped_lock lock{mutex_};
    if (peer) {
        peer_ = *peer;
        failure_.reset();
    } else if (peer.error().kind != McpFailure::kCancelled) {
        failure_ = peer.error();
        failure_counts_ = core::Deadline::after(kFailureCounts, clock_.now());
    }
    co_return peer;
}

asio::awaitable<McpConnection::Greeting> McpConnection::greet(core::Deadline deadline) {
    McpPeer peer;
    peer.is_modern = true;
    peer.revision = kMcpRevision;
    McpOutgoing discover;
    discover.method = "server/discover";
    discover.params = json::object();
    discover.deadline = deadline;
    const auto reply = co_await send(peer, std::move(discover), nullptr);
    if (!reply) co_return std::unexpected{error_of(reply.error())};
    const int status = reply->status();
    const auto refusal = mcp::find_refusal(reply->message);
    if (status == 401 || status == 403 || status == 429 || (status >= 500 && !refusal)) {
        auto result = result_of(*reply);
        co_return std::unexpected{result ? error(McpFailure::kUnusable, "contradicts itself")
                                         : std::move(result.error())};
    }
    std::vector<std::string> supported;
    if (refusal && refusal->is_modern()) {
        if (refusal->code != mcp::kUnsupportedVersion) co_return std::unexpected{result_of(*reply).error()};
        supported = refusal->supported;
    } else if (refusal || !is_success(status)) {
        co_return co_await initialize(deadline);
    } else {
        const json result = reply->message.is_object() ? reply->message.value("result", json{}) : json{};
        const json* versions = find_array(result, "supportedVersions");
        if (versions == nullptr) co_return co_await initialize(deadline);
        for (const auto& version : *versions) {
            if (version.is_string()) supported.push_back(version.get<std::string>());
        }
        const json meta = result.value("_meta", json{});
        if (meta.is_object()) {
            peer.server = mcp::read_server_info(meta.value("io.modelcontextprotocol/serverInfo", json{}));
        }
        if (std::ranges::find(supported, kMcpRevision) != supported.end()) co_return peer;
    }
    if (std::ranges::any_of(supported, &mcp::is_legacy_revision)) co_return co_await initialize(deadline);
    std::string list;
    for (const auto& version : supported) list += (list.empty() ? "" : ", ") + to_valid_utf8(version);
    co_return std::unexpected{error(McpFailure::kRefused, "speaks no revision that oiabd knows; it offers " +
                                                              shortened(list.empty() ? "none" : list, 200))};
}

asio::awaitable<McpConnection::Greeting> McpConnection::initialize(core::Deadline deadline) {
    McpPeer peer;
    McpOutgoing hello;
    hello.method = "initialize";
    hello.params = {{"protocolVersion", kMcpLegacyRevision},
                    {"capabilities", json::object()},
                    {"clientInfo", {{"name", "oiabd"}, {"version", settings_.client_version}}}};
    hello.deadline = deadline;
    const auto reply = co_await send(peer, std::move(hello), nullptr);
    if (!reply) co_return std::unexpected{error_of(reply.error())};
    const auto result = result_of(*reply);
    if (!result) co_return std::unexpected{result.error()};
    peer.revision = text_member(*result, "protocolVersion");
    if (!mcp::is_legacy_revision(peer.revision)) {
        co_return std::unexpected{error(
            McpFailure::kRefused, "speaks no revision that oiabd knows; it offers " + shortened(peer.revision, 40))};
    }
    if (result->is_object()) peer.server = mcp::read_server_info(result->value("serverInfo", json{}));
    if (const auto session = reply->head.find_header("mcp-session-id")) {
        if (!is_session_id(*session))
            co_return std::unexpected{error(McpFailure::kUnusable, "gives a session no id can have")};
        peer.session_id = *session;
    }
    std::string method = "notifications/initialized";
    json no_params;
    const auto noted = co_await notify(peer, std::move(method), std::move(no_params), deadline);
    if (!noted || !is_success(noted->status)) {
        co_return std::unexpected{error(McpFailure::kUnavailable, "does not finish its greeting")};
    }
    co_return peer;
}

HttpRequest McpConnection::make_request(const McpPeer& peer, std::string method, std::string name, std::string body,
                                        core::Deadline deadline) const {
    HttpRequest request;
    request.method = "POST";
    request.url = settings_.url;
    request.unix_socket = settings_.unix_socket;
    request.headers = mcp::mirror_headers(peer, method, name);
    request.headers.insert(request.headers.end(), settings_.headers.begin(), settings_.headers.end());
    request.body = std::move(body);
    request.deadline = deadline;
    request.max_response_bytes = 2 * mcp::kMaxMessageBytes;
    return request;
}

asio::awaitable<std::expected<McpReply, CallError>> McpConnection::send(McpPeer peer, McpOutgoing out,
                                                                        std::int64_t* id) {
    McpExchange what;
    what.id = next_id_.fetch_add(1);
    if (id != nullptr) *id = what.id;
    if (out.on_progress) out.params["_meta"]["progressToken"] = what.id;
    std::string body = mcp::write_message(peer, what.id, out.method, std::move(out.params), settings_.client_version);
    what.request = make_request(peer, out.method, out.name, std::move(body), out.deadline);
    what.request.headers.insert(what.request.headers.end(), out.headers.begin(), out.headers.end());
    what.request.idempotent = out.may_repeat;
    what.on_progress = std::move(out.on_progress);
    what.on_tools_changed = std::move(out.on_tools_changed);
    what.may_resume = !peer.is_modern;
    if (!peer.is_modern) {
        const core::Deadline deadline = out.deadline;
        what.on_request = [this, peer, deadline](json request) { return answer(peer, std::move(request), deadline); };
    }
    co_return co_await exchange(http_, std::move(what));
}

asio::awaitable<std::optional<HttpHead>> McpConnection::notify(McpPeer peer, std::string method, json params,
                                                               core::Deadline deadline) {
    std::string body = mcp::write_message(peer, std::nullopt, method, std::move(params), settings_.client_version);
    HttpRequest request = make_request(peer, std::move(method), "", std::move(body), deadline);
    request.idempotent = true;
    const auto response = co_await http_.send(std::move(request));
    if (!response) co_return std::nullopt;
    co_return response->head;
}

asio::awaitable<void> McpConnection::answer(McpPeer peer, json request, core::Deadline deadline) {
    json reply{{"jsonrpc", "2.0"}, {"id", request.value("id", json{})}};
    if (request.value("method", json{}) == "ping") reply["result"] = json::object();
    else reply["error"] = {{"code", mcp::kMethodNotFound}, {"message", "oiabd has no such capability"}};
    HttpRequest http = make_request(peer, "", "", reply.dump(-1, ' ', false, json::error_handler_t::replace), deadline);
    http.idempotent = true;
    // A server that does not take the answer will not get further with its own; that shows there.
    static_cast<void>(co_await http_.send(std::move(http)));
}

asio::awaitable<void> McpConnection::close() {
    const auto peer = known();
    if (!peer || peer->session_id.empty()) co_return;
    forget(*peer);
    HttpRequest request = make_request(*peer, "", "", "", core::Deadline::after(kFarewell));
    request.method = "DELETE";
    static_cast<void>(co_await http_.send(std::move(request)));
}

}  // namespace oiab::clients

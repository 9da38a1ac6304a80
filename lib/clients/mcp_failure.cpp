/// @file  What the answers and silences of a server of the Model Context Protocol mean for whoever asked.
#include "clients/mcp_connection.hpp"
#include "clients/retry_after.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// Shorter ones are no secret, and cutting them out would make holes in any text.
constexpr std::size_t kShortestSecret = 8;

void cut_out(std::string& text, std::string_view secret) {
    if (secret.size() < kShortestSecret) return;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
        text.replace(at, secret.size(), "***");
        at += 3;
    }
}

}  // namespace

std::string McpConnection::without_secrets(std::string text) const {
    for (const auto& [name, value] : settings_.headers) {
        cut_out(text, value);
        if (const auto space = value.find(' '); space != std::string::npos) {
            cut_out(text, std::string_view{value}.substr(space + 1));  // "Bearer …"
        }
    }
    return text;
}

json McpConnection::without_secrets_in(json value) const {
    if (value.is_string()) value = without_secrets(value.get<std::string>());
    else if (value.is_structured()) {
        for (auto& element : value) element = without_secrets_in(std::move(element));
    }
    return value;
}

McpError McpConnection::error(McpFailure kind, std::string_view what) const {
    return {kind, without_secrets("the MCP server " + settings_.name + " " + std::string{what}), std::nullopt};
}

bool McpConnection::is_stranger(const McpPeer& peer, const McpReply& reply) {
    const auto refusal = mcp::find_refusal(reply.message);
    if (refusal && refusal->code == mcp::kUnsupportedVersion) return true;
    const int status = reply.status();
    const bool turned_away = status == 400 || status == 404 || (peer.is_modern && status == 405);
    // 404 is what the specification has for a session that has ended; several servers say 400 with a code that means
    // nothing. Every other code is an answer.
    return turned_away && (!refusal || refusal->code == mcp::kLegacyError || (!peer.is_modern && status == 404));
}

std::expected<json, McpError> McpConnection::result_of(const McpReply& reply) const {
    const int status = reply.status();
    if (status == 401 || status == 403) {
        return std::unexpected{error(McpFailure::kUnauthorized,
                                     "refuses the credentials that are configured (" + std::to_string(status) + ")")};
    }
    if (mcp::find_refusal(reply.message)) {
        const auto refusal = mcp::find_refusal(without_secrets_in(reply.message));
        return std::unexpected{error(McpFailure::kRefused,
                                     "refuses (" + std::to_string(refusal->code) +
                                         "): " + (refusal->message.empty() ? "it gives no reason" : refusal->message))};
    }
    const std::string answered = "answered " + std::to_string(status);
    if (status == 408 || status == 429) {
        McpError later = error(McpFailure::kUnavailable, answered);
        later.retry_after = find_retry_after(reply.head, clock_.wall_now());
        return std::unexpected{std::move(later)};
    }
    if (status >= 500) {
        McpError unknown = error(McpFailure::kUnknown, answered);
        unknown.retry_after = find_retry_after(reply.head, clock_.wall_now());
        return std::unexpected{std::move(unknown)};
    }
    if (status != 200) return std::unexpected{error(McpFailure::kRefused, answered)};
    if (!reply.message.is_object() || !reply.message.contains("result")) {
        return std::unexpected{error(McpFailure::kUnusable, "sent an answer that is none of the protocol's")};
    }
    return reply.message.at("result");
}

McpError McpConnection::error_of(const CallError& cause, bool may_repeat) const {
    const auto with = [&](McpFailure kind, const char* what) {
        return error(kind, std::string{what} + ": " + cause.message);
    };
    if (cause.kind == CallFailure::kCancelled) return with(McpFailure::kCancelled, "was not waited for");
    if (cause.kind == CallFailure::kTooLarge) return with(McpFailure::kUnusable, "answers with too much");
    if (cause.kind == CallFailure::kTimeout && (may_repeat || cause.repeat == Repeat::kUnsafe)) {
        return with(McpFailure::kTimeout, "did not answer in time");
    }
    if (cause.repeat == Repeat::kSafe) return with(McpFailure::kUnavailable, "cannot be reached");
    return with(McpFailure::kUnknown, "gave no answer");
}

}  // namespace oiab::clients

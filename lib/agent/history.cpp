#include "agent/history.hpp"

#include <algorithm>

#include "agent/tokens.hpp"

namespace oiab::agent {
namespace {

using clients::ChatMessage;
using clients::Role;

/// Role, separators and the like, as published token counts of chat formats show.
constexpr std::int64_t kFrameTokens = 4;

/// Where each exchange begins; the first one at 0, so that what precedes the first user's message is part of it.
std::vector<std::size_t> exchange_starts(std::span<const ChatMessage> history) {
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < history.size(); ++i) {
        if (history[i].role == Role::kUser) starts.push_back(i);
    }
    if (!starts.empty()) starts.front() = 0;
    return starts;
}

}  // namespace

std::int64_t estimate_tokens(const ChatMessage& message) {
    std::int64_t tokens = kFrameTokens + estimate_tokens(message.content);
    for (const auto& call : message.tool_calls) {
        tokens += kFrameTokens + estimate_tokens(call.name) + estimate_tokens(call.arguments);
    }
    return tokens;
}

std::int64_t estimate_tokens(std::span<const ChatMessage> messages) {
    std::int64_t tokens = 0;
    for (const auto& message : messages) tokens += estimate_tokens(message);
    return tokens;
}

std::size_t count_exchanges(std::span<const ChatMessage> history) { return exchange_starts(history).size(); }

std::span<const ChatMessage> without_oldest(std::span<const ChatMessage> history, std::size_t count) {
    const auto starts = exchange_starts(history);
    if (count == 0) return history;
    if (count >= starts.size()) return {};
    return history.subspan(starts[count]);
}

std::size_t exchanges_to_drop(std::span<const ChatMessage> history, std::int64_t tokens) {
    const std::size_t exchanges = count_exchanges(history);
    if (exchanges == 0) return 0;
    std::size_t drop = 0;
    while (drop < exchanges && estimate_tokens(without_oldest(history, drop)) > tokens) ++drop;
    return drop;
}

}  // namespace oiab::agent

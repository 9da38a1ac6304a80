#pragma once
/// @file  Fits a conversation into a model's window. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clients/chat.hpp"

namespace oiab::agent {

/// A guess at a message's tokens: its text, its tool calls, and what the wire format adds.
[[nodiscard]] std::int64_t estimate_tokens(const clients::ChatMessage& message);
[[nodiscard]] std::int64_t estimate_tokens(std::span<const clients::ChatMessage> messages);

/// An exchange is a user's message and all that follows up to the next one. A tool's answer never loses its call.
[[nodiscard]] std::size_t count_exchanges(std::span<const clients::ChatMessage> history);

/// How many of the oldest exchanges must go so that the rest is estimated at no more than `tokens`; all of them where
/// even the newest alone is larger.
[[nodiscard]] std::size_t exchanges_to_drop(std::span<const clients::ChatMessage> history, std::int64_t tokens);

/// What is left of the history without its `count` oldest exchanges. What precedes the first user's message belongs to
/// no exchange and goes with the first of them.
[[nodiscard]] std::span<const clients::ChatMessage> without_oldest(std::span<const clients::ChatMessage> history,
                                                                   std::size_t count);

}  // namespace oiab::agent

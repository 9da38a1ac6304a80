#pragma once
/// @file  The JSON that asks for one of Anthropic's messages. Private to its client. Pure; any thread.

#include <string>

#include "clients/anthropic_chat.hpp"

namespace oiab::clients {

/// The body to send. System messages go apart; neighbours of one role become one message, with the tools' answers
/// before the user's words; an assistant's parts go back as they came, where this protocol wrote them. Malformed UTF-8
/// is replaced, so that this never throws.
[[nodiscard]] std::string messages_body(const ChatRequest& request, const AnthropicSettings& settings);

/// The id as the protocol takes it (letters, digits, '_' and '-'): other providers' calls are in the history, too.
[[nodiscard]] std::string tool_id(std::string_view id);

}  // namespace oiab::clients

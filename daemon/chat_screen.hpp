#pragma once
/// @file  What a conversation shows: text for a terminal, or one JSON object a line for programs. Used by the chat
/// command's one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/uuid.hpp"
#include "daemon/commands.hpp"
#include "queue/inspect.hpp"

namespace oiab::daemon {

class ChatScreen {
public:
    virtual ~ChatScreen() = default;

    virtual void session(const std::string& session_id, bool is_new) = 0;
    /// A whole message: of the history, or one that came meanwhile from elsewhere.
    virtual void message(const std::string& role, const std::string& text) = 0;
    /// A job was enqueued, or is followed from here on.
    virtual void began(const std::string& kind, core::JobId job) = 0;
    /// The answer grows. @param position  bytes of it that precede the piece
    virtual void delta(core::JobId job, std::int64_t position, std::string_view text) = 0;
    /// What was shown of the answer is void: a later attempt writes it anew.
    virtual void again(core::JobId job) = 0;
    virtual void note(std::string_view sentence) = 0;
    /// @param shown  all deltas of this answer together, where they were shown from its beginning; else nullptr
    virtual void ended(const queue::JobView& job, const std::string* shown) = 0;
    virtual void prompt() = 0;
};

/// @param is_terminal  whether somebody types: only then is there a prompt to see
[[nodiscard]] std::unique_ptr<ChatScreen> make_chat_screen(Form form, bool is_terminal);

/// Without what a terminal would obey; line breaks and tabs stay.
[[nodiscard]] std::string harmless_lines(std::string_view text);

}  // namespace oiab::daemon

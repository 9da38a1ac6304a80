#pragma once
/// @file  What has become of one turn, seen in the messages of its opencode session. Pure; any thread.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clients/opencode_values.hpp"

namespace oiab::agent {

enum class OpencodeState {
    kAbsent,      ///< opencode has nothing of the turn
    kUnfinished,  ///< begun; whether somebody works on it, the session's status tells
    kAnswered,    ///< the last message is an answer
    kFailed,      ///< the last message is an error
};

struct OpencodeView {
    OpencodeState state = OpencodeState::kAbsent;
    /// The assistant's messages of the turn, in order. One is one call of the model.
    std::vector<clients::OpencodeMessage> answers;
    /// Tools of which nobody knows how far they came, should nobody work on the turn any more.
    std::vector<std::string> running_tools;
    /// The last message is complete and asks for nothing, though it has tool calls in it as no answer has.
    bool may_be_answered = false;
    /// Nobody else's prompt has followed: what the session does, it does for this turn.
    bool is_last = false;
    /// The session holds nothing but this turn.
    bool is_alone = true;
};

/// The turn is its prompt, the answers to it, and what opencode makes of itself to go on after it has shortened a long
/// conversation (synthetic prompts, or the same words again behind its summary), up to somebody's next prompt.
[[nodiscard]] OpencodeView view_opencode_turn(std::span<const clients::OpencodeMessage> messages,
                                              const std::string& prompt_id);

/// The words of one message, without what opencode wrote by itself.
[[nodiscard]] std::string text_of(const clients::OpencodeMessage& message);

}  // namespace oiab::agent

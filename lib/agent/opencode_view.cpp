#include "agent/opencode_view.hpp"

#include <algorithm>
#include <set>

namespace oiab::agent {
namespace {

using clients::OpencodeMessage;
using clients::OpencodePart;
using clients::OpencodePartKind;
using clients::OpencodeToolStatus;

/// A prompt that opencode wrote by itself.
bool is_synthetic(const OpencodeMessage& message) {
    return !message.parts.empty() && std::ranges::all_of(message.parts, [](const OpencodePart& part) {
        return part.kind == OpencodePartKind::kCompaction || (part.kind == OpencodePartKind::kText && part.synthetic);
    });
}

bool has_tools(const OpencodeMessage& message) {
    return std::ranges::any_of(message.parts, [](const auto& part) { return part.kind == OpencodePartKind::kTool; });
}

/// With these the model means to go on.
bool wants_more(const std::string& finish) { return finish.empty() || finish == "tool-calls" || finish == "unknown"; }

/// @param last_prompt  what the turn was asked last
void judge(OpencodeView& view, const std::string& last_prompt) {
    const OpencodeMessage& last = view.answers.back();
    if (last.error) {
        view.state = OpencodeState::kFailed;
        return;
    }
    // What follows a summary is still to come, and so is the answer to a prompt behind the last one.
    if (last.summary || last.parent_id != last_prompt) return;
    const bool is_final = last.completed && !wants_more(last.finish);
    if (is_final && !has_tools(last)) view.state = OpencodeState::kAnswered;
    view.may_be_answered = is_final || (last.completed && last.finish == "unknown");
}

}  // namespace

OpencodeView view_opencode_turn(std::span<const OpencodeMessage> messages, const std::string& prompt_id) {
    OpencodeView view;
    std::set<std::string> prompts{prompt_id};
    std::string last_prompt = prompt_id;
    std::string asked;
    bool inside = false;
    bool after_summary = false;
    for (const OpencodeMessage& message : messages) {
        if (message.role == "user") {
            // Behind a summary opencode goes on with words of its own, or says the prompt again.
            const bool goes_on = is_synthetic(message) || (after_summary && text_of(message) == asked);
            inside = message.id == prompt_id || (inside && goes_on);
            if (inside) {
                prompts.insert(message.id);
                last_prompt = message.id;
            }
            if (message.id == prompt_id) {
                view.state = OpencodeState::kUnfinished;
                asked = text_of(message);
            }
        }
        const bool ours = message.role == "user" ? inside : prompts.contains(message.parent_id);
        if (!ours) view.is_alone = false;
        if (ours && message.role == "assistant") view.answers.push_back(message);
        after_summary = ours && message.role == "assistant" && message.summary;
    }
    view.is_last = inside;
    if (view.answers.empty()) return view;
    view.state = OpencodeState::kUnfinished;
    for (const OpencodeMessage& answer : view.answers) {
        for (const OpencodePart& part : answer.parts) {
            if (part.kind == OpencodePartKind::kTool && part.status == OpencodeToolStatus::kRunning) {
                view.running_tools.push_back(part.tool);
            }
        }
    }
    judge(view, last_prompt);
    return view;
}

std::string text_of(const OpencodeMessage& message) {
    std::string text;
    for (const OpencodePart& part : message.parts) {
        if (part.kind == OpencodePartKind::kText && !part.synthetic) text += part.text;
    }
    return text;
}

}  // namespace oiab::agent

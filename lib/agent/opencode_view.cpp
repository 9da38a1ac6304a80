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

void judge(OpencodeView& view) {
    const OpencodeMessage& last = view.answers.back();
    if (last.error) {
        view.state = OpencodeState::kFailed;
        return;
    }
    const bool is_final = last.completed && !wants_more(last.finish);
    if (is_final && !has_tools(last)) view.state = OpencodeState::kAnswered;
    view.may_be_answered = is_final || (last.completed && last.finish == "unknown");
}

}  // namespace

OpencodeView view_opencode_turn(std::span<const OpencodeMessage> messages, const std::string& prompt_id) {
    OpencodeView view;
    std::set<std::string> prompts{prompt_id};
    bool inside = false;
    for (const OpencodeMessage& message : messages) {
        if (message.role == "user") {
            inside = message.id == prompt_id || (inside && is_synthetic(message));
            if (inside) prompts.insert(message.id);
            if (message.id == prompt_id) view.state = OpencodeState::kUnfinished;
        }
        const bool ours = message.role == "user" ? inside : prompts.contains(message.parent_id);
        if (!ours) view.is_alone = false;
        if (ours && message.role == "assistant") view.answers.push_back(message);
    }
    if (view.answers.empty()) return view;
    view.state = OpencodeState::kUnfinished;
    for (const OpencodeMessage& answer : view.answers) {
        for (const OpencodePart& part : answer.parts) {
            if (part.kind == OpencodePartKind::kTool && part.status == OpencodeToolStatus::kRunning) {
                view.running_tools.push_back(part.tool);
            }
        }
    }
    judge(view);
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

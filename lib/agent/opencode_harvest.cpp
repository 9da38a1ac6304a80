#include "agent/opencode_harvest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "clients/provider.hpp"
#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

using clients::OpencodeMessage;
using clients::OpencodePart;
using clients::OpencodePartKind;
using clients::OpencodeToolStatus;
using nlohmann::json;

/// The same words as the direct runtime's.
constexpr const char* kNoAnswer = "(The model ended the turn without an answer.)";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// A tool that is not offered is replaced by one of this name, which "succeeds" at saying so and names it in its input.
constexpr const char* kNotOffered = "invalid";

bool is_done(const OpencodePart& part) {
    return part.status == OpencodeToolStatus::kCompleted && part.tool != kNotOffered;
}

std::string outcome_text(const OpencodePart& part) {
    if (part.status == OpencodeToolStatus::kCompleted || part.status == OpencodeToolStatus::kError) return part.output;
    return "(the tool was interrupted)";
}

class Harvester {
public:
    explicit Harvester(core::JobId job) : job_{job} {}

    void take(const OpencodeMessage& message, bool is_last) {
        ++harvest_.result.rounds;
        if (message.summary) return;
        const std::string step = fmt::format("opencode-{}", harvest_.result.rounds);
        std::string text = text_of(message);
        json calls = json::array();
        for (const auto& part : message.parts) {
            if (part.kind != OpencodePartKind::kTool) continue;
            calls.push_back(
                {{"id", part.call_id}, {"name", part.tool}, {"arguments", core::storable_json(part.input)}});
        }
        if (is_last && is_blank(text)) text = kNoAnswer;
        // A call that broke off before its first word left nothing to keep; an empty message would be refused later.
        if (is_blank(text) && calls.empty()) return;
        auto& kept = add("assistant", text, step);
        if (!calls.empty()) kept.tool_calls = calls.dump();
        kept.model = message.model;
        kept.metadata = json{{"runtime", "opencode"}, {"finishReason", message.finish}}.dump();
        std::size_t index = 0;
        for (const auto& part : message.parts) {
            if (part.kind == OpencodePartKind::kTool) take_tool(message, part, fmt::format("{}-{}", step, index++));
        }
        harvest_.result.text = text;
        harvest_.result.model = message.model;
    }

    OpencodeHarvest finish(std::size_t child_calls) {
        harvest_.result.rounds += static_cast<int>(child_calls);
        return std::move(harvest_);
    }

private:
    store::NewMessage& add(std::string role, std::string content, std::string step) {
        auto& message = harvest_.result.messages.emplace_back();
        message.role = std::move(role);
        message.content = std::move(content);
        message.job_id = job_;
        message.step = std::move(step);
        return message;
    }

    void take_tool(const OpencodeMessage& message, const OpencodePart& part, const std::string& step) {
        const std::string output = outcome_text(part);
        const std::string meant = clients::text_member(part.input, "tool");
        const std::string tool = part.tool == kNotOffered && !meant.empty() ? meant : part.tool;
        add("tool", output, step).tool_call_id = part.call_id;
        auto& used = harvest_.result.uses.emplace_back(make_tool_use(tool, part.input, output));
        used.step = step;
        if (!is_done(part)) used.outcome = part.tool == kNotOffered ? "denied" : "failure";
        if (!is_done(part)) ++harvest_.result.failed_uses;
        harvest_.tools.push_back(
            {tool, fmt::format("{}:{}:{}", job_.to_string(), message.id, part.id), part.input, is_done(part)});
    }

    core::JobId job_;
    OpencodeHarvest harvest_;
};

bool has_usage(const OpencodeMessage& message) {
    const auto& tokens = message.tokens;
    return message.cost_usd > 0 ||
           tokens.input + tokens.output + tokens.reasoning + tokens.cache_read + tokens.cache_write > 0;
}

}  // namespace

OpencodeHarvest harvest_opencode_turn(const OpencodeView& view, std::size_t child_calls, core::JobId job) {
    Harvester harvester{job};
    for (std::size_t i = 0; i < view.answers.size(); ++i) {
        harvester.take(view.answers[i], i + 1 == view.answers.size());
    }
    return harvester.finish(child_calls);
}

std::vector<OpencodeCall> list_opencode_calls(const std::vector<OpencodeMessage>& messages, const std::string& owner,
                                              LostCalls lost) {
    std::vector<OpencodeCall> calls;
    clients::OpencodeTokens before;
    for (const auto& message : messages) {
        if (message.role != "assistant") continue;
        OpencodeCall call;
        call.request_id = owner + ":" + message.id;
        call.provider = message.provider;
        call.model = message.model;
        call.tokens = message.tokens;
        call.cost_usd = message.cost_usd;
        call.duration = message.duration;
        const bool told = has_usage(message);
        if (!told && !message.completed && lost == LostCalls::kLeaveOut) continue;
        // A refused call costs nothing; one that broke off was shown at least what the call before it was.
        const bool broke_off = !message.completed || (message.error && message.error->name == "MessageAbortedError");
        call.uncertain = !told && broke_off;
        if (call.uncertain) call.tokens.input = before.input + before.cache_read + before.cache_write + before.output;
        if (told) before = message.tokens;
        calls.push_back(std::move(call));
    }
    return calls;
}

}  // namespace oiab::agent

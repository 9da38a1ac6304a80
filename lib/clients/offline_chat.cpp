#include "clients/offline_chat.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "clients/lexical_vector.hpp"
#include "clients/offline_learning.hpp"
#include "clients/offline_plan.hpp"
#include "clients/offline_text.hpp"
#include "clients/provider.hpp"
#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

constexpr double kRelevant = 0.25;  // a shade below recall's 0.3, so that what was recalled is mostly used as well
constexpr std::size_t kMostMemories = 3;
constexpr std::size_t kDefaultSubtasks = 5;
constexpr std::size_t kLongestQuote = 400;
constexpr std::size_t kShortQuote = 80;

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (const auto line = trimmed(text.substr(0, end)); !line.empty()) lines.push_back(line);
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    return lines;
}

std::string system_text(const ChatRequest& request) {
    std::string text;
    for (const ChatMessage& message : request.messages) {
        if (message.role == Role::kSystem) text += message.content + "\n";
    }
    return text;
}

// --- plans ---

bool is_planner(const std::string& system) {
    const std::string text = lower(system);
    return text.find("json array") != std::string::npos && text.find("dependencies") != std::string::npos;
}

/// "at most 7", wherever the prompt says it.
std::size_t subtasks_allowed(const std::string& prompt) {
    constexpr std::string_view kPhrase = "at most ";
    const std::string text = lower(prompt);
    for (auto at = text.find(kPhrase); at != std::string::npos; at = text.find(kPhrase, at + 1)) {
        std::size_t count = 0;
        const char* const digits = text.data() + at + kPhrase.size();
        if (std::from_chars(digits, text.data() + text.size(), count).ec == std::errc{} && count > 0) return count;
    }
    return kDefaultSubtasks;
}

/// The task without a label before it ("Task: …").
std::string_view task_of(std::string_view text) {
    text = trimmed(text);
    const std::string begin = lower(text.substr(0, 40));
    for (const std::string_view label : {"task description:", "task to decompose:", "task:"}) {
        if (begin.starts_with(label)) return trimmed(text.substr(label.size()));
    }
    return text;
}

// --- tools ---

const ToolDefinition* find_tool(const ChatRequest& request, std::string_view name) {
    for (const ToolDefinition& tool : request.tools) {
        if (tool.name == name) return &tool;
    }
    return nullptr;
}

/// The tool's own name for its main argument: the first of the candidates that its schema has, else the first required
/// one, else the first candidate.
std::string argument_name(const ToolDefinition& tool, std::initializer_list<const char*> candidates) {
    const json schema = core::parse_foreign_json(tool.parameters);
    if (schema.is_object() && schema.contains("properties") && schema["properties"].is_object()) {
        for (const char* candidate : candidates) {
            if (schema["properties"].contains(candidate)) return candidate;
        }
        if (schema.contains("required") && schema["required"].is_array() && !schema["required"].empty() &&
            schema["required"][0].is_string()) {
            return schema["required"][0].get<std::string>();
        }
    }
    return *candidates.begin();
}

/// What follows the first of the phrases, or nullopt.
std::optional<std::string> after_phrase(std::string_view text, std::initializer_list<std::string_view> phrases) {
    const std::string plain = lower(text);
    for (const std::string_view phrase : phrases) {
        const auto at = plain.find(phrase);
        if (at == std::string::npos) continue;
        if (const auto rest = trimmed(text.substr(at + phrase.size())); !rest.empty()) return std::string{rest};
    }
    return std::nullopt;
}

std::optional<ToolCall> wanted_call(const ChatRequest& request, const std::string& text) {
    const auto call = [&](const ToolDefinition& tool, const std::string& argument, const std::string& value) {
        return ToolCall{"call_offline_" + std::to_string(stable_hash(tool.name + value) % 1'000'000'000U), tool.name,
                        json{{argument, value}}.dump(-1, ' ', false, json::error_handler_t::replace)};
    };
    if (const auto* tool = find_tool(request, "plan_tasks")) {
        if (const auto task = after_phrase(text, {"plan the following:", "plan this:", "plan:"})) {
            return call(*tool, argument_name(*tool, {"taskDescription", "task_description", "task", "description"}),
                        *task);
        }
    }
    if (const auto* tool = find_tool(request, "use_skill")) {
        if (const auto skill = wanted_skill(text)) return call(*tool, argument_name(*tool, {"name"}), *skill);
    }
    if (const auto* tool = find_tool(request, "memory_search")) {
        if (const auto query =
                after_phrase(text, {"search your memory for ", "search memory for ", "look in your memory for "})) {
            return call(*tool, argument_name(*tool, {"query", "text"}), *query);
        }
    }
    if (const auto* tool = find_tool(request, "memory_add")) {
        if (const auto fact = after_phrase(text, {"remember that ", "remember this: ", "remember: "})) {
            return call(*tool, argument_name(*tool, {"content", "text", "memory"}), *fact);
        }
    }
    return std::nullopt;
}

/// What a tool's result says, in words where it is one of ours.
std::string told_result(const std::string& tool, const std::string& result) {
    const json said = core::parse_foreign_json(result);
    if (said.is_object() && said.contains("memories") && said["memories"].is_array()) {
        std::string found;
        for (const json& memory : said["memories"])
            found += (found.empty() ? "" : "; ") + text_member(memory, "content");
        return found.empty() ? "I searched my memory and found nothing." : "I found in my memory: " + found;
    }
    if (said.is_object() && said.contains("memoryId")) return "I will remember that.";
    if (const std::string plan = text_member(said, "planId"); !plan.empty()) {
        return "I made a plan of it (" + plan + "); its result will follow here.";
    }
    return tool + " says: " + shortened(result, kLongestQuote);
}

std::string told_results(const ChatRequest& request) {
    std::string answer;
    auto first = request.messages.end();
    while (first != request.messages.begin() && std::prev(first)->role == Role::kTool) --first;
    for (auto result = first; result != request.messages.end(); ++result) {
        std::string tool = "the tool";
        for (const ChatMessage& message : request.messages) {
            for (const ToolCall& call : message.tool_calls) {
                if (call.id == result->tool_call_id) tool = call.name;
            }
        }
        answer += (answer.empty() ? "" : " ") + told_result(tool, result->content);
    }
    return answer;
}

// --- subtasks ---

struct Report {
    std::string description;
    std::string result;
    bool failed = false;
};

/// "Subtask N: description" lines, each with what "Result:" or "Failed:" says beneath it.
std::vector<Report> reports_in(std::string_view text) {
    std::vector<Report> reports;
    bool in_result = false;
    for (const std::string_view line : lines_of(text)) {
        if (line.starts_with("Subtask ")) {
            const auto colon = line.find(':');
            reports.push_back({std::string{colon == line.npos ? line : trimmed(line.substr(colon + 1))}, "", false});
            in_result = false;
        } else if (!reports.empty() && (line.starts_with("Result:") || line.starts_with("Failed:"))) {
            in_result = true;
            reports.back().failed = line.starts_with("Failed:");
            reports.back().result = trimmed(line.substr(7));
        } else if (line.starts_with("Your subtask:") || line.starts_with("Missing, say so")) {
            in_result = false;
        } else if (in_result) {
            std::string& result = reports.back().result;
            result += (result.empty() ? "" : " ") + std::string{line};
        }
    }
    std::erase_if(reports, [](const Report& report) { return report.result.empty(); });
    return reports;
}

/// What stands behind a label on lines of their own ("Task:"), up to the next empty line; empty where there is none.
std::string_view section(std::string_view text, std::string_view label) {
    const auto at = text.find(label);
    if (at == std::string_view::npos) return {};
    text = text.substr(at + label.size());
    return trimmed(text.substr(0, text.find("\n\n")));
}

std::string subtask_answer(const std::string& prompt) {
    const auto earlier = reports_in(prompt);
    const std::string_view own = section(prompt, "Your subtask:");
    std::string answer = "Done: " + std::string{own.empty() ? trimmed(prompt) : own} + ".";
    for (const Report& report : earlier) answer += " Built on \"" + shortened(report.description, kShortQuote) + "\".";
    return answer;
}

std::string synthesis(const std::string& prompt) {
    std::string answer = "The parts of \"" + shortened(section(prompt, "Task:"), kLongestQuote) + "\" together:";
    for (const Report& report : reports_in(prompt)) {
        answer += "\n- " + std::string{report.failed ? "Missing: " : ""} +
                  shortened(report.description, kLongestQuote) + ": " + shortened(report.result, kLongestQuote);
    }
    return answer;
}

// --- memories ---

std::vector<std::string> remembered_lines(const std::string& system) {
    constexpr std::string_view kOpen = "<memory-context>";
    constexpr std::string_view kClose = "</memory-context>";
    std::vector<std::string> lines;
    for (auto at = system.find(kOpen); at != std::string::npos; at = system.find(kOpen, at + 1)) {
        const auto begin = at + kOpen.size();
        const auto end = std::min(system.find(kClose, begin), system.size());
        for (std::string_view line : lines_of(std::string_view{system}.substr(begin, end - begin))) {
            if (line.starts_with("- ") || line.starts_with("* ")) line = trimmed(line.substr(2));
            if (line.starts_with('[') && line.find(']') != std::string_view::npos) {
                line = trimmed(line.substr(line.find(']') + 1));  // a tag such as [fact]
            }
            if (!line.empty()) lines.emplace_back(line);
        }
    }
    return lines;
}

std::vector<std::string> most_relevant(const std::string& question, const std::vector<std::string>& candidates) {
    const auto asked = lexical_vector(question);
    std::vector<std::pair<double, std::size_t>> best;  // most alike first, then in the given order
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const double score = likeness(asked, lexical_vector(candidates[i]));
        if (score >= kRelevant) best.emplace_back(-score, i);
    }
    std::ranges::sort(best);
    std::vector<std::string> found;
    for (const auto& [score, i] : best) {
        if (found.size() < kMostMemories) found.push_back(candidates[i]);
    }
    return found;
}

std::string from_memory(const ChatRequest& request, const std::string& system, const std::string& question) {
    const auto remembered = most_relevant(question, remembered_lines(system));
    std::string answer;
    for (const std::string& line : remembered) answer += (answer.empty() ? "I remember: " : " And: ") + line;
    if (!answer.empty()) return answer;
    std::vector<std::string> earlier;
    for (const ChatMessage& message : request.messages) {
        if (message.role == Role::kUser && message.content != question) earlier.push_back(message.content);
    }
    for (const std::string& line : most_relevant(question, earlier)) {
        answer += (answer.empty() ? "Earlier you said: " : " And: ") + shortened(line, kLongestQuote);
    }
    if (!answer.empty()) return answer;
    return "I remember nothing about that, and without a language model I cannot say more. You said: " +
           shortened(trimmed(question), kLongestQuote);
}

std::string answer_text(const ChatRequest& request, const std::string& system, const std::string& last_user) {
    if (is_planner(system)) return plan_offline(task_of(last_user), subtasks_allowed(system + last_user));
    if (auto learnt = answer_learning_offline(system, last_user)) return *std::move(learnt);
    if (!request.messages.empty() && request.messages.back().role == Role::kTool) return told_results(request);
    if (trimmed(last_user).starts_with("Synthesize")) return synthesis(last_user);
    if (system.find("work on one subtask") != std::string::npos) return subtask_answer(last_user);
    return from_memory(request, system, last_user);
}

/// Tells the answer word by word, as a streaming provider would.
void tell(const std::string& text, const OnDelta& on_delta) {
    if (!on_delta) return;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const auto end = std::min(text.find(' ', begin), text.size() - 1) + 1;
        on_delta(std::string_view{text}.substr(begin, end - begin));
        begin = end;
    }
}

}  // namespace

asio::awaitable<std::expected<ChatAnswer, ModelError>> OfflineChat::complete(ChatRequest request, OnDelta on_delta) {
    const std::string system = system_text(request);
    std::string last_user;
    Usage usage;
    for (const ChatMessage& message : request.messages) {
        if (message.role == Role::kUser) last_user = message.content;
        usage.input_tokens += estimated_tokens(message.content);
    }
    ChatAnswer answer;
    answer.model = "offline-1";
    answer.finish_reason = "stop";
    std::optional<ToolCall> call;
    const bool asked_just_now = !request.messages.empty() && request.messages.back().role == Role::kUser;
    if (asked_just_now && !is_planner(system)) call = wanted_call(request, last_user);
    if (call) {
        usage.output_tokens = estimated_tokens(call->arguments);
        answer.tool_calls.push_back(std::move(*call));
        answer.finish_reason = "tool_calls";
    } else {
        answer.content = to_valid_utf8(answer_text(request, system, last_user));
        usage.output_tokens = estimated_tokens(answer.content);
        tell(answer.content, on_delta);
    }
    answer.usage = usage;
    co_return answer;
}

}  // namespace oiab::clients

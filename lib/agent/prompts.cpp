#include "agent/prompts.hpp"

#include <fmt/format.h>

namespace oiab::agent {
namespace {

constexpr std::string_view kDefaultSystemPrompt =
    "You are an assistant of this organisation. Answer briefly and truthfully; say so when you do not know.";

void append_paragraph(std::string& text, std::string_view paragraph) {
    if (paragraph.empty()) return;
    if (!text.empty()) text += "\n\n";
    text += paragraph;
}

}  // namespace

std::string make_system_prompt(std::string_view frozen, std::string_view memory_context,
                               std::span<const SkillLine> skills) {
    std::string text{frozen.empty() ? kDefaultSystemPrompt : frozen};
    append_paragraph(text, memory_context);
    if (!skills.empty()) {
        std::string list = "Skills of this organisation:";
        for (const auto& skill : skills) list += fmt::format("\n- {}: {}", skill.name, skill.description);
        append_paragraph(text, list);
    }
    return text;
}

std::string make_planner_system_prompt(std::size_t max_subtasks) {
    return fmt::format(
        "You are a task decomposition specialist. Split the task into at most {} subtasks that different agents work "
        "on, "
        "in parallel where they do not need each other's results.\n"
        "Answer with a JSON array and nothing else. Each element is "
        "{{\"description\": string, \"agent\": \"build\", \"dependencies\": number[]}}; dependencies are zero-based "
        "indexes of other elements of the array whose results the subtask needs. No subtask may depend on itself or, "
        "through others, on itself.",
        max_subtasks);
}

std::string make_planner_prompt(std::string_view task) { return fmt::format("Task:\n{}", task); }

std::string make_planner_correction(std::span<const std::string> faults) {
    std::string text = "That plan cannot be used:";
    for (const auto& fault : faults) text += "\n- " + fault;
    return text + "\nAnswer with the corrected JSON array and nothing else.";
}

std::string make_subtask_system_prompt(std::string_view agent) {
    return fmt::format(
        "You are the agent \"{}\" and work on one subtask of a larger task. Do what the subtask says and nothing else; "
        "answer with its result alone.",
        agent);
}

std::string make_subtask_prompt(std::string_view description, std::span<const SubtaskReport> context) {
    if (context.empty()) return std::string{description};
    std::string text = "Context from previous steps:\n";
    for (const auto& step : context) {
        text += fmt::format("\nSubtask {}: {}\nResult:\n{}\n", step.index, step.description, step.result);
    }
    return text + fmt::format("\nYour subtask:\n{}", description);
}

std::string make_synthesis_system_prompt() {
    return "You combine the results of several agents into one answer to the task. Use their results only; where a "
           "part "
           "failed, say what is missing.";
}

std::string make_synthesis_prompt(std::string_view task, std::span<const SubtaskReport> reports) {
    std::string text = fmt::format("Synthesize the final answer.\n\nTask:\n{}\n\nResults of the subtasks:\n", task);
    std::string missing;
    for (const auto& report : reports) {
        if (report.failed) {
            missing += fmt::format("\nSubtask {}: {}\nFailed: {}\n", report.index, report.description, report.result);
        } else {
            text += fmt::format("\nSubtask {}: {}\nResult:\n{}\n", report.index, report.description, report.result);
        }
    }
    if (!missing.empty()) text += "\nMissing, say so in the answer:\n" + missing;
    return text;
}

}  // namespace oiab::agent

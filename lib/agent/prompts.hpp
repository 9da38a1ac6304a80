#pragma once
/// @file  The texts that models are given. Pure; any thread.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::agent {

struct SkillLine {
    std::string name;
    std::string description;
    std::string id{};  ///< empty where it is not known
};

/// The system prompt of a turn: the session's frozen one (or a short default), the recalled memories, the tenant's
/// promoted skills.
[[nodiscard]] std::string make_system_prompt(std::string_view frozen, std::string_view memory_context,
                                             std::span<const SkillLine> skills);

[[nodiscard]] std::string make_planner_system_prompt(std::size_t max_subtasks);
[[nodiscard]] std::string make_planner_prompt(std::string_view task);
/// Sends a bad plan back, with every reason.
[[nodiscard]] std::string make_planner_correction(std::span<const std::string> faults);

/// A subtask as prompts tell of it.
struct SubtaskReport {
    int index = 0;
    std::string description;
    std::string result;  ///< or, where it failed, why
    bool failed = false;
};

[[nodiscard]] std::string make_subtask_system_prompt(std::string_view agent);
/// The subtask's own description behind the results of what it depends on ("Context from previous steps:").
[[nodiscard]] std::string make_subtask_prompt(std::string_view description, std::span<const SubtaskReport> context);

[[nodiscard]] std::string make_synthesis_system_prompt();
[[nodiscard]] std::string make_synthesis_prompt(std::string_view task, std::span<const SubtaskReport> reports);

}  // namespace oiab::agent

#pragma once
/// @file  The shape of an orchestration: subtasks and what each waits for. For the planner's answer, which is
/// untrusted. Pure functions over values; any thread.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace oiab::core {

struct PlannedSubtask {
    std::string description;
    std::string agent = "build";
    /// Zero-based indexes of the subtasks whose results this one needs.
    std::vector<int> dependencies;
};

/// What is wrong with a plan, one sentence each: size outside of 1 to `max_subtasks`, an empty description, an index
/// out of range, a subtask that waits for itself, subtasks that wait for each other in a circle.
/// @returns nothing for a sound plan.
[[nodiscard]] std::vector<std::string> find_plan_faults(std::span<const PlannedSubtask> plan, std::size_t max_subtasks);

/// Indexes of the subtasks that wait for nothing, in order. A sound plan has at least one.
[[nodiscard]] std::vector<int> entry_subtasks(std::span<const PlannedSubtask> plan);

}  // namespace oiab::core

#pragma once
/// @file  Reads the planner model's answer, which may hold anything. Pure; any thread.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan_graph.hpp"

namespace oiab::agent {

/// Reads `[{description, agent, dependencies}]`, with fenced code and prose around it tolerated, and checks the plan.
/// @returns the sound plan, or the reasons why there is none (the first 20), worded so that the model can mend it.
[[nodiscard]] std::expected<std::vector<core::PlannedSubtask>, std::vector<std::string>> parse_plan_answer(
    std::string_view answer, std::size_t max_subtasks);

}  // namespace oiab::agent

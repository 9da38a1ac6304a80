#pragma once
/// @file  A task taken apart by its wording: the plan of the offline model. Pure; any thread.

#include <cstddef>
#include <string>
#include <string_view>

namespace oiab::clients {

/// A JSON array of {description, agent, dependencies}. What "then", ";" or a full stop parts comes one after the other,
/// what "and" or "," parts within a step goes side by side, and each step waits for the whole step before. A task that
/// has no such parts becomes a diamond: gather, two views of it, and a conclusion.
/// @param max_subtasks  at least 1; what is beyond it is joined to the last subtask
[[nodiscard]] std::string plan_offline(std::string_view task, std::size_t max_subtasks);

}  // namespace oiab::clients

#pragma once
/// @file  How a job is shown, to people and to programs. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "queue/inspect.hpp"

namespace oiab::daemon {

[[nodiscard]] nlohmann::json to_json(const queue::JobView& job);
[[nodiscard]] nlohmann::json to_json(const queue::StepView& step);

/// One line for each fact, payload and result last.
[[nodiscard]] std::string job_text(const queue::JobView& job, const std::vector<queue::StepView>& steps);
/// What became of a final job: "completed", its result; or why it failed.
[[nodiscard]] std::string outcome_text(const queue::JobView& job);

}  // namespace oiab::daemon

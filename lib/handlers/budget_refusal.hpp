#pragma once
/// @file  Tells a used-up budget from other ends of an attempt. For work that nobody waits for; a value, any thread.

#include <optional>
#include <string>
#include <variant>

#include "oiab/attempt.hpp"

namespace oiab::handlers {

/// What the budget said; nullopt where the attempt ended for another reason.
[[nodiscard]] inline std::optional<std::string> budget_refusal(const EndAttempt& end) {
    const auto* failed = std::get_if<core::Failed>(&end.outcome());
    if (failed == nullptr || failed->reason != core::FailureReason::kBudget) return std::nullopt;
    return failed->error;
}

}  // namespace oiab::handlers

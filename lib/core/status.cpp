#include "core/status.hpp"

#include <array>
#include <utility>

namespace oiab::core {
namespace {

using enum Status;
using enum FailureReason;

constexpr std::array kStatuses{
    std::pair{kPending, std::string_view{"pending"}},
    std::pair{kRunning, std::string_view{"running"}},
    std::pair{kCompleted, std::string_view{"completed"}},
    std::pair{kFailed, std::string_view{"failed"}},
};

constexpr std::array kReasons{
    std::pair{kError, std::string_view{"error"}},
    std::pair{kTimeout, std::string_view{"timeout"}},
    std::pair{kLeaseExpired, std::string_view{"lease_expired"}},
    std::pair{kCrashed, std::string_view{"crashed"}},
    std::pair{kCancelled, std::string_view{"cancelled"}},
    std::pair{kSuperseded, std::string_view{"superseded"}},
    std::pair{kNoHandler, std::string_view{"no_handler"}},
    std::pair{kInvalidPayload, std::string_view{"invalid_payload"}},
    std::pair{kUpstreamFailed, std::string_view{"upstream_failed"}},
    std::pair{kBudget, std::string_view{"budget"}},
    std::pair{kEffectUnknown, std::string_view{"effect_unknown"}},
};

template <typename Table, typename Value>
std::string_view name_of(const Table& table, Value value) noexcept {
    for (const auto& [candidate, name] : table)
        if (candidate == value) return name;
    return "unknown";
}

template <typename Value, typename Table>
std::optional<Value> value_of(const Table& table, std::string_view text) noexcept {
    for (const auto& [value, name] : table)
        if (name == text) return value;
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Status status) noexcept { return name_of(kStatuses, status); }
std::string_view to_string(FailureReason reason) noexcept { return name_of(kReasons, reason); }

std::string_view to_string(CancelReason reason) noexcept {
    switch (reason) {
        case CancelReason::kUser: return "cancelled by a user";
        case CancelReason::kDeadline: return "deadline reached";
        case CancelReason::kShutdown: return "shutdown";
        case CancelReason::kLeaseLost: return "lease lost";
    }
    return "unknown";
}

std::optional<Status> parse_status(std::string_view text) noexcept { return value_of<Status>(kStatuses, text); }
std::optional<FailureReason> parse_failure_reason(std::string_view text) noexcept {
    return value_of<FailureReason>(kReasons, text);
}

}  // namespace oiab::core

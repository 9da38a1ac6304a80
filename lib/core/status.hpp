#pragma once
/// @file  The four statuses of a job and the reasons why an attempt failed, as the schema spells them. Values.

#include <optional>
#include <string_view>

namespace oiab::core {

enum class Status { kPending, kRunning, kCompleted, kFailed };

enum class FailureReason {
    kError,
    kTimeout,
    kLeaseExpired,
    kCrashed,
    kCancelled,
    kSuperseded,
    kNoHandler,
    kInvalidPayload,
    kUpstreamFailed,
    kBudget,
    kEffectUnknown,
};

/// Why a running handler is asked to stop. The reasons have different consequences, so they are told apart.
enum class CancelReason {
    kUser,       ///< somebody cancelled the job: it settles as failed(cancelled)
    kDeadline,   ///< the attempt ran out of time: it settles as retry(timeout)
    kShutdown,   ///< this process stops: the attempt is released uncounted
    kLeaseLost,  ///< the attempt is no longer ours, or cannot be known to be: nothing may be written
};

[[nodiscard]] std::string_view to_string(Status status) noexcept;
[[nodiscard]] std::string_view to_string(FailureReason reason) noexcept;
[[nodiscard]] std::string_view to_string(CancelReason reason) noexcept;
[[nodiscard]] std::optional<Status> parse_status(std::string_view text) noexcept;
[[nodiscard]] std::optional<FailureReason> parse_failure_reason(std::string_view text) noexcept;

[[nodiscard]] constexpr bool is_final(Status status) noexcept {
    return status == Status::kCompleted || status == Status::kFailed;
}

}  // namespace oiab::core

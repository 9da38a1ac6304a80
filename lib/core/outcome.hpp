#pragma once
/// @file  What became of one attempt. Made by handlers (and by the executor for what they throw), written by the
/// Settler. A value; any thread.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/status.hpp"

namespace oiab::core {

/// The job is done. `result` is JSON text, or empty for none.
struct Completed {
    std::string result;
};

/// Try again: after `after`, or by the kind's backoff where that is empty, then not before `at_least`. Counts as an
/// attempt; at max_attempts the job fails instead.
struct Retry {
    std::string error;
    std::optional<std::chrono::milliseconds> after;
    FailureReason reason = FailureReason::kError;
    std::optional<std::chrono::milliseconds> at_least = std::nullopt;
};

/// The job failed for good.
struct Failed {
    FailureReason reason = FailureReason::kError;
    std::string error;
};

/// Not now, and nobody's fault: back to pending at now() + `after`, the attempt refunded.
struct Snoozed {
    std::chrono::milliseconds after{};
};

/// Given back uncounted with run_at unchanged: this process stops, or never started the attempt.
struct Released {};

/// Already settled by Attempt::complete_in, in the handler's own transaction; the Settler has nothing to write.
struct AlreadySettled {
    Status status = Status::kCompleted;
};

/// The lease is lost: the row belongs to somebody else, so nothing is written.
struct Abandoned {};

using Outcome = std::variant<Completed, Retry, Failed, Snoozed, Released, AlreadySettled, Abandoned>;

[[nodiscard]] inline Outcome completed(std::string result_json = {}) { return Completed{std::move(result_json)}; }
[[nodiscard]] inline Outcome retry(std::string error, std::optional<std::chrono::milliseconds> after = {}) {
    return Retry{std::move(error), after, FailureReason::kError};
}
/// For a peer that asks to be left alone for some time. The kind's backoff still counts: one that asks for no time, or
/// for a moment again and again, would else burn every attempt at once.
[[nodiscard]] inline Outcome retry_not_before(std::string error, std::optional<std::chrono::milliseconds> at_least,
                                              FailureReason reason = FailureReason::kError) {
    return Retry{std::move(error), std::nullopt, reason, at_least};
}
[[nodiscard]] inline Outcome failed(FailureReason reason, std::string error) {
    return Failed{reason, std::move(error)};
}
[[nodiscard]] inline Outcome invalid_payload(std::string error) {
    return Failed{FailureReason::kInvalidPayload, std::move(error)};
}
[[nodiscard]] inline Outcome snoozed(std::chrono::milliseconds after) { return Snoozed{after}; }

/// One word for logs: completed, retry, failed, snoozed, released, settled, abandoned.
[[nodiscard]] std::string_view name_of(const Outcome& outcome) noexcept;

}  // namespace oiab::core

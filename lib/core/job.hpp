#pragma once
/// @file  One claimed job as a handler sees it, and a job that is about to be enqueued. Values; any thread.

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "core/uuid.hpp"

namespace oiab::core {

/// The fencing token: raised by every claim, never lowered.
struct LeaseEpoch {
    std::int64_t value = 0;
    auto operator<=>(const LeaseEpoch&) const = default;
};

/// What every write of an attempt must match besides status = 'running' (docs/job-lifecycle.md, guard).
struct AttemptKey {
    JobId id;
    LeaseEpoch epoch;
    auto operator<=>(const AttemptKey&) const = default;
};

/// One row of `jobs` as claimed. The payload stays text until somebody wants it: most of the time of a small job would
/// otherwise go into a tree that nobody reads.
struct Job {
    JobId id;
    std::string kind;
    std::string payload;  ///< JSON text as the server rendered it
    LeaseEpoch lease_epoch;
    int attempt = 1;  ///< 1 for the first; refunded attempts do not count
    int max_attempts = 3;
    int crash_count = 0;
    int priority = 0;
    std::optional<std::string> serial_key;
    std::optional<std::string> dedupe_key;
    std::optional<TenantId> tenant_id;
    std::optional<UserId> user_id;
    std::optional<std::chrono::seconds> timeout;  ///< the row's own deadline, where it has one
    WallTime run_at{};
    WallTime created_at{};

    [[nodiscard]] AttemptKey key() const noexcept { return {id, lease_epoch}; }
    /// Parses the payload. @throws nlohmann::json::parse_error when it is not JSON (jsonb always is).
    [[nodiscard]] nlohmann::json payload_json() const;
};

/// A job to enqueue. What is left empty gets the column's default.
struct NewJob {
    std::string kind;
    std::string payload = "{}";  ///< JSON text
    std::optional<std::string> dedupe_key;
    std::optional<WallTime> run_at;
    std::optional<std::chrono::milliseconds> delay;  ///< from the database's now(); excludes run_at
    std::optional<int> max_attempts;
    std::optional<int> priority;
    std::optional<std::string> serial_key;
    std::optional<TenantId> tenant_id;
    std::optional<UserId> user_id;
    std::optional<std::chrono::seconds> timeout;
};

/// The answer to an enqueue: the row that is there now, and whether this call put it there.
struct Enqueued {
    JobId id;
    bool inserted = true;
};

}  // namespace oiab::core

#pragma once
/// @file  The housekeeping of the whole fleet, done by one leader at a time: rescue of lapsed leases, retention, rows
/// that others left behind. Every worker has one; all but the leader only ask, once in a third of a lease, whether to
/// lead.

#include <optional>

#include "queue/rescue.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/service.hpp"

namespace oiab::runtime {

class Janitor final : public Service {
public:
    struct Settings {
        std::chrono::milliseconds lease{60'000};
        std::chrono::milliseconds legacy_lock_timeout{3'600'000};
        std::chrono::milliseconds retention{0};  ///< zero: finished jobs are kept
        int max_crashes = 3;
    };

    Janitor(pg::SessionSettings session, Settings settings, AttemptWorld& world, EngineFailed failed);
    ~Janitor() override;

private:
    void serve() override;
    [[nodiscard]] bool lead();
    void rescue_all();
    void purge_some();
    void tidy();

    const Settings settings_;
    AttemptWorld& world_;
    std::optional<std::int64_t> term_;
    /// Nothing is rescued before this: after an outage of ours or of the server every worker gets one full lease to
    /// renew what it still runs.
    core::SteadyTime rescue_from_;
    core::SteadyTime purged_at_{};
};

}  // namespace oiab::runtime

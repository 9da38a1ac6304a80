#pragma once
/// @file  Renews the leases of all attempts that this process holds, in batches, and reads from the answers which were
/// cancelled or lost. Beats the worker's row at the same pace.

#include "queue/lease.hpp"
#include "queue/workers.hpp"
#include "runtime/attempt_table.hpp"
#include "runtime/live_attempt.hpp"
#include "runtime/service.hpp"

namespace oiab::runtime {

class LeaseKeeper final : public Service {
public:
    /// @param describe  this worker as of now, for the registry
    LeaseKeeper(pg::SessionSettings session, std::chrono::milliseconds lease, AttemptTable& attempts,
                AttemptWorld& world, EngineFailed failed, std::function<queue::Worker()> describe);
    ~LeaseKeeper() override;

    /// Renews now instead of at the next third of the lease: somebody asked for a cancellation. Never blocks.
    void renew_soon() { ring(); }
    /// Whether the last renewal succeeded within 70 % of the lease; while not, nothing may be claimed.
    [[nodiscard]] bool trusted() const noexcept;

    /// Self-fencing: cancels the attempts whose lease has not been renewed for 70 % of its length. Our clock may only
    /// make us stop sooner than the database would; called by the engine's watch, whatever this thread waits for.
    void fence(core::SteadyTime now);

private:
    void serve() override;
    void renew_all();
    void beat();

    const std::chrono::milliseconds lease_;
    AttemptTable& attempts_;
    AttemptWorld& world_;
    const std::function<queue::Worker()> describe_;
    std::atomic<core::SteadyTime> last_success_;
};

}  // namespace oiab::runtime

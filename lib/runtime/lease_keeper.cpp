#include "runtime/lease_keeper.hpp"

#include <algorithm>

namespace oiab::runtime {
namespace {

/// So many leases are renewed in one statement; more go in the next, so that no statement grows with the slots.
constexpr std::size_t kBatch = 1'000;

}  // namespace

LeaseKeeper::LeaseKeeper(pg::SessionSettings session, std::chrono::milliseconds lease, AttemptTable& attempts,
                         AttemptWorld& world, EngineFailed failed, std::function<queue::Worker()> describe)
    : Service{"lease", std::move(session), std::move(failed), world.log},
      lease_{lease},
      attempts_{attempts},
      world_{world},
      describe_{std::move(describe)},
      last_success_{world.clock.now()} {}

LeaseKeeper::~LeaseKeeper() {
    request_stop();
    join();
}

bool LeaseKeeper::trusted() const noexcept {
    return world_.clock.now() - last_success_.load(std::memory_order_relaxed) < lease_ * 7 / 10;
}

void LeaseKeeper::fence(core::SteadyTime now) {
    for (const auto& attempt : attempts_.all()) {
        if (now - attempt->lease_started() < lease_ * 7 / 10 || attempt->cancelled()) continue;
        attempt->log(LogLevel::kWarning,
                     "the lease could not be renewed for 70 % of its length: the attempt is stopped");
        attempt->request_cancel(core::CancelReason::kLeaseLost);
    }
}

void LeaseKeeper::serve() {
    auto next = core::Deadline::after(std::chrono::milliseconds::zero());
    bool reachable = false;
    while (!stopping()) {
        wait(next);
        if (stopping()) break;
        const auto started = world_.clock.now();
        try {
            renew_all();
            beat();
            note_success();
            reachable = true;
            last_success_.store(started, std::memory_order_relaxed);
            next = core::Deadline::after(lease_ / 3);
        } catch (const pg::DatabaseError& e) {
            note_trouble(e);
            reachable = false;
            next = core::Deadline::after(std::min(trouble_pause(), lease_ / 10));
        }
    }
    // The stop of this process waits for no database that is away.
    if (!reachable) return;
    try {
        pg::in_transaction(session(), std::function<void(pg::Transaction&)>{[this](pg::Transaction& tx) {
                               queue::unregister_worker(tx, world_.worker);
                           }});
    } catch (const pg::DatabaseError& e) {
        log().warn("this worker's row stays until it is pruned", {{"error", e.what()}});
    }
}

void LeaseKeeper::renew_all() {
    const auto attempts = attempts_.all();
    for (std::size_t first = 0; first < attempts.size(); first += kBatch) {
        const auto count = std::min(kBatch, attempts.size() - first);
        std::vector<core::AttemptKey> keys;
        keys.reserve(count);
        for (std::size_t i = 0; i < count; ++i) keys.push_back(attempts[first + i]->job().key());
        // The lease is trusted from before the statement was sent: a slow success must not lengthen the trust.
        const auto started = world_.clock.now();
        const auto renewals = pg::autocommit(
            session(), [&](pg::Transaction& tx) { return queue::renew(tx, world_.worker, keys, lease_); });
        for (std::size_t i = 0; i < count; ++i) {
            const auto& attempt = attempts[first + i];
            if (renewals[i].state == queue::RenewState::kRenewed) attempt->lease_renewed(started);
            if (renewals[i].state == queue::RenewState::kLost) attempt->request_cancel(core::CancelReason::kLeaseLost);
            if (renewals[i].cancel_requested) attempt->request_cancel(core::CancelReason::kUser);
        }
    }
}

void LeaseKeeper::beat() {
    const auto worker = describe_();
    pg::in_transaction(session(), std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                           if (!queue::beat(tx, worker.id, worker.running, worker.state))
                               queue::register_worker(tx, worker);
                       }});
}

}  // namespace oiab::runtime

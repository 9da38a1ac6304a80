#pragma once
/// @file  The registry of workers, and leadership by a renewed row. For the engine and for display: no claim depends on
/// it. Lane threads only; blocks.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/transaction.hpp"
#include "queue/worker_id.hpp"

namespace oiab::queue {

enum class WorkerState { kStarting, kRunning, kDraining, kStopped };
[[nodiscard]] std::string_view to_string(WorkerState state) noexcept;

struct Worker {
    WorkerId id;
    std::string host;
    int pid = 0;
    std::string version;
    std::vector<std::string> kinds;  ///< names and patterns `prefix-*`
    int slots = 0;
    int running = 0;
    WorkerState state = WorkerState::kRunning;
    std::string started_at, seen_at;  ///< filled by list_workers
    std::chrono::seconds seen_ago{};  ///< filled by list_workers
    bool is_leader = false;           ///< filled by list_workers
};

/// Inserts or replaces this worker's row.
void register_worker(pg::Transaction& tx, const Worker& worker);
/// Renews seen_at. @returns false where the row is gone (pruned while this process stood still): register again.
[[nodiscard]] bool beat(pg::Transaction& tx, const WorkerId& id, int running, WorkerState state);
/// Removes this worker's row at an orderly end.
void unregister_worker(pg::Transaction& tx, const WorkerId& id);
/// Newest first.
[[nodiscard]] std::vector<Worker> list_workers(pg::Transaction& tx);
/// Whether any worker has not been seen for so long: it went without a word, and its leases lapse.
[[nodiscard]] bool a_worker_is_silent(pg::Transaction& tx, std::chrono::milliseconds unseen_for);
/// Removes rows not seen for so long. @returns how many.
int prune_workers(pg::Transaction& tx, std::chrono::seconds unseen_for);

/// Becomes or stays the leader for `lease` from now, in one statement. @returns the term (higher with every change of
/// leader), or nullopt while another worker leads. Trust the answer from the start of the call, on the steady clock,
/// for less than `lease`.
[[nodiscard]] std::optional<std::int64_t> lead(pg::Transaction& tx, const WorkerId& id,
                                               std::chrono::milliseconds lease);
/// Steps down at once, so that another may lead.
void resign(pg::Transaction& tx, const WorkerId& id);

}  // namespace oiab::queue

#include "queue/workers.hpp"

#include <nlohmann/json.hpp>
#include <pqxx/params>
#include <pqxx/result>
#include <stdexcept>

#include "queue/arrays.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

WorkerState state_of(std::string_view text) {
    for (const auto state : {WorkerState::kStarting, WorkerState::kRunning, WorkerState::kDraining})
        if (text == to_string(state)) return state;
    return WorkerState::kStopped;
}

}  // namespace

std::string_view to_string(WorkerState state) noexcept {
    switch (state) {
        case WorkerState::kStarting: return "starting";
        case WorkerState::kRunning: return "running";
        case WorkerState::kDraining: return "draining";
        case WorkerState::kStopped: break;
    }
    return "stopped";
}

void register_worker(pg::Transaction& tx, const Worker& worker) {
    (void)tx.run(sql::register_worker,
                 pqxx::params{worker.id.value, worker.host, worker.pid, worker.version, text_array(worker.kinds),
                              worker.slots, std::string{to_string(worker.state)}});
}

bool beat(pg::Transaction& tx, const WorkerId& id, int running, WorkerState state) {
    return !tx.run(sql::beat, pqxx::params{id.value, running, std::string{to_string(state)}}).empty();
}

void unregister_worker(pg::Transaction& tx, const WorkerId& id) {
    (void)tx.run(sql::unregister_worker, pqxx::params{id.value});
}

std::vector<Worker> list_workers(pg::Transaction& tx) {
    std::vector<Worker> workers;
    for (const auto& row : tx.run(sql::list_workers)) {
        Worker worker;
        worker.id = WorkerId{text_of(row[0])};
        worker.host = text_of(row[1]);
        worker.pid = row[2].as<int>();
        worker.version = text_of(row[3]);
        worker.kinds = nlohmann::json::parse(row[4].view()).get<std::vector<std::string>>();
        worker.slots = row[5].as<int>();
        worker.running = row[6].as<int>();
        worker.state = state_of(row[7].view());
        worker.started_at = text_of(row[8]);
        worker.seen_at = text_of(row[9]);
        worker.seen_ago = std::chrono::seconds{row[10].as<std::int64_t>()};
        worker.is_leader = row[11].as<bool>();
        workers.push_back(std::move(worker));
    }
    return workers;
}

bool a_worker_is_silent(pg::Transaction& tx, std::chrono::milliseconds unseen_for) {
    return tx.run(sql::a_worker_is_silent, pqxx::params{interval_text(unseen_for)}).at(0).at(0).as<bool>();
}

int prune_workers(pg::Transaction& tx, std::chrono::seconds unseen_for) {
    return static_cast<int>(tx.run(sql::prune_workers, pqxx::params{interval_text(unseen_for)}).size());
}

std::optional<std::int64_t> lead(pg::Transaction& tx, const WorkerId& id, std::chrono::milliseconds lease) {
    const auto rows = tx.run(sql::lead, pqxx::params{id.value, interval_text(lease)});
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<std::int64_t>();
}

void resign(pg::Transaction& tx, const WorkerId& id) { (void)tx.run(sql::resign, pqxx::params{id.value}); }

}  // namespace oiab::queue

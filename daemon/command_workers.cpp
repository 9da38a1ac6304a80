#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <ranges>

#include "config/value.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/snapshot_holders.hpp"
#include "queue/workers.hpp"

namespace oiab::daemon {
namespace {

std::vector<queue::Worker> load_workers(const Context& context, const std::string& purpose) {
    pg::Session session{session_settings(context.settings, purpose)};
    return pg::in_transaction(session, [](pg::Transaction& tx) { return queue::list_workers(tx); });
}

/// One line for each that has held on for longer than the leader puts up with. Slots and standbys tell no time: the
/// leader, who looks again and again, names them in its log.
std::string old_snapshots(const Context& context) {
    const auto threshold = context.settings.worker.snapshot_warning;
    if (threshold <= std::chrono::milliseconds::zero()) return "";
    pg::Session session{session_settings(context.settings, "workers")};
    std::string lines;
    for (const auto& holder :
         pg::autocommit(session, [](pg::Transaction& tx) { return queue::find_snapshot_holders(tx); })) {
        if (holder.held.value_or(std::chrono::seconds::zero()) < threshold) continue;
        lines += fmt::format("Old snapshot: {} {} ({}) has kept finished rows from being vacuumed away for {}.\n",
                             queue::to_string(holder.kind), holder.name,
                             fmt::join(std::array{holder.user, holder.application, holder.state} |
                                           std::views::filter([](const std::string& part) { return !part.empty(); }),
                                       ", "),
                             config::format_duration(*holder.held));
    }
    return lines;
}

/// What a worker with these settings calls its host.
std::string host_of(const config::Settings& settings) {
    if (!settings.worker.name.empty()) return settings.worker.name;
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : std::string{"localhost"};
}

nlohmann::json to_json(const queue::Worker& worker) {
    return {{"id", worker.id.value},
            {"host", worker.host},
            {"pid", worker.pid},
            {"version", worker.version},
            {"kinds", worker.kinds},
            {"slots", worker.slots},
            {"running", worker.running},
            {"state", queue::to_string(worker.state)},
            {"startedAt", worker.started_at},
            {"seenAt", worker.seen_at},
            {"seenSecondsAgo", worker.seen_ago.count()},
            {"leader", worker.is_leader}};
}

}  // namespace

int run(const Context& context, const WorkersCommand&) {
    const auto workers = load_workers(context, "workers");
    if (context.form == Form::kJson) {
        auto list = nlohmann::json::array();
        for (const auto& worker : workers) list.push_back(to_json(worker));
        print_json(list);
        return kExitDone;
    }
    if (workers.empty()) {
        print("No workers. `oiabd` starts one.\n" + old_snapshots(context));
        return kExitDone;
    }
    Table table{{"WORKER", "STATE", "RUNNING", "SEEN", "VERSION", "LEADER", "KINDS"}};
    for (const auto& worker : workers)
        table.add({worker.id.value, std::string{queue::to_string(worker.state)},
                   fmt::format("{}/{}", worker.running, worker.slots),
                   fmt::format("{} ago", config::format_duration(worker.seen_ago)), worker.version,
                   worker.is_leader ? "leader" : "", fmt::format("{}", fmt::join(worker.kinds, ", "))});
    print(table.render() + old_snapshots(context));
    return kExitDone;
}

int run(const Context& context, const HealthcheckCommand& command) {
    const auto host = host_of(context.settings);
    // A worker shows itself at a third of its lease: one whole lease is three chances missed.
    const auto max_age = command.max_age.value_or(context.settings.worker.lease);
    const auto workers = load_workers(context, "healthcheck");
    const bool alive = std::ranges::any_of(workers, [&](const queue::Worker& worker) {
        return worker.host == host && worker.state != queue::WorkerState::kStopped && worker.seen_ago <= max_age;
    });
    if (context.form == Form::kJson) print_json({{"host", host}, {"alive", alive}});
    if (alive) {
        if (context.form == Form::kTable) print(fmt::format("a worker of {} is alive\n", host));
        return kExitDone;
    }
    complain(fmt::format("no worker of {} has shown itself for {}", host, config::format_duration(max_age)));
    return kExitError;
}

}  // namespace oiab::daemon

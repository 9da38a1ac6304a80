#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/job_text.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"

namespace oiab::daemon {
namespace {

std::string remark_on(const queue::JobView& job) {
    if (job.last_error && job.status != core::Status::kCompleted) return cut(*job.last_error, 60);
    if (job.status == core::Status::kRunning) return job.locked_by.value_or("");
    return {};
}

}  // namespace

int run(const Context& context, const JobsListCommand& command) {
    pg::Session session{session_settings(context.settings, "jobs")};
    const auto jobs =
        pg::in_transaction(session, [&command](pg::Transaction& tx) { return queue::list_jobs(tx, command.filter); });
    if (context.form == Form::kJson) {
        auto list = nlohmann::json::array();
        for (const auto& job : jobs) list.push_back(to_json(job));
        print_json(list);
        return kExitDone;
    }
    if (jobs.empty()) {
        print("No jobs.\n");
        return kExitDone;
    }
    Table table{{"ID", "KIND", "STATUS", "ATTEMPTS", "RUN AT (UTC)", "REMARK"}};
    for (const auto& job : jobs)
        table.add({job.id.to_string(), cut(job.kind, 40), std::string{core::to_string(job.status)},
                   fmt::format("{}/{}", job.attempts, job.max_attempts), to_the_second(job.run_at), remark_on(job)});
    print(table.render());
    if (static_cast<int>(jobs.size()) == command.filter.limit)
        print(fmt::format("More: oiabd jobs list --before {}\n", jobs.back().id.to_string()));
    return kExitDone;
}

}  // namespace oiab::daemon

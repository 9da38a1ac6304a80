/// @file  LIMIT: how fast PostgreSQL itself does the plain pattern of a job table. Claims a batch, settles it, and ends
/// when a claim comes back empty. The measure of everything else (docs/performance.md).

#include "arguments.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

void drain(const std::string& url, const std::string& batch, const std::string& worker) {
    oiab::bench::Connection connection{url};
    connection.prepare("claim", R"(
        UPDATE bench.plain_jobs
        SET status = 'running', attempts = attempts + 1, locked_by = $2, locked_at = now()
        WHERE id IN (SELECT id FROM bench.plain_jobs WHERE status = 'pending' AND run_at <= now()
                     ORDER BY run_at LIMIT $1::integer FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, payload, attempts, max_attempts)");
    connection.prepare("settle", "UPDATE bench.plain_jobs SET status = 'completed' WHERE id = ANY ($1::uuid[])");
    for (;;) {
        const auto jobs = connection.run("claim", {batch.c_str(), worker.c_str()});
        if (PQntuples(jobs.get()) == 0) return;
        const auto ids = oiab::bench::array_of_first_column(jobs.get());
        connection.run("settle", {ids.c_str()});
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto batch = arguments.text("batch", "500");
        oiab::bench::in_parallel(arguments.number("connections", 2),
                                 [&](long number) { drain(url, batch, "limit-" + std::to_string(number)); });
    });
}

/// @file  LIMIT: how fast PostgreSQL itself does the plain pattern of a job table. Claims a batch, settles it, and ends
/// when a claim comes back empty, or with `--ends no` looks again a millisecond later, until it is killed. The measure
/// of everything else (docs/performance.md).

#include <chrono>
#include <thread>

#include "arguments.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

void drain(const std::string& url, const std::string& batch, const std::string& worker, bool ends) {
    oiab::bench::Connection connection{url};
    // The batch stands in the text: as a parameter it would be planned anew for every claim.
    connection.prepare("claim", R"(
        UPDATE bench.plain_jobs
        SET status = 'running', attempts = attempts + 1, locked_by = $1, locked_at = now()
        WHERE id IN (SELECT id FROM bench.plain_jobs WHERE status = 'pending' AND run_at <= now()
                     ORDER BY run_at LIMIT )" +
                                    batch + R"( FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, payload, attempts, max_attempts)");
    connection.prepare("settle", "UPDATE bench.plain_jobs SET status = 'completed' WHERE id = ANY ($1::uuid[])");
    for (;;) {
        const auto jobs = connection.run("claim", {worker.c_str()});
        if (PQntuples(jobs.get()) == 0) {
            if (ends) return;
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            continue;
        }
        const auto ids = oiab::bench::array_of_first_column(jobs.get());
        connection.run("settle", {ids.c_str()});
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto batch = arguments.text("batch", "500");
        const bool ends = arguments.text("ends", "yes") == "yes";
        oiab::bench::in_parallel(arguments.number("connections", 2),
                                 [&](long number) { drain(url, batch, "limit-" + std::to_string(number), ends); });
    });
}

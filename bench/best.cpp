/// @file  BEST: the fastest raw SQL known for the project's own table `jobs`, with all its columns, triggers and
/// guards: claims by ctid behind a low-water mark, each in one transaction with the settle of the batch before. What it
/// leaves out of the contract are other kinds, priorities and periodic full scans; it shows what the table's layout
/// allows.

#include "arguments.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

constexpr const char* kClaim = R"(
    UPDATE jobs
    SET status = 'running', attempts = attempts + 1, lease_epoch = lease_epoch + 1, locked_by = $1, locked_at = now(),
        dedupe_pending = NULL, lease_until = now() + interval '60 s', started_at = now()
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM jobs
        WHERE kind COLLATE "C" = 'noop' AND priority = 0 AND run_at >= $2 AND run_at <= now()
          AND finished_at IS NULL AND lane_ready AND status = 'pending'
        ORDER BY run_at, id LIMIT )";
constexpr const char* kClaimEnd = R"( FOR UPDATE SKIP LOCKED))
    RETURNING id, run_at, kind, payload, attempts, max_attempts, lease_epoch)";

constexpr const char* kSettle = R"(
    UPDATE jobs SET status = 'completed', finished_at = now(), lease_until = NULL
    WHERE id = ANY ($1::uuid[]) AND status = 'running' AND lease_epoch = 1 AND locked_by = $2)";

std::string lowest_run_at(const PGresult* jobs) {
    std::string lowest = PQgetvalue(jobs, 0, 1);
    for (int i = 1; i < PQntuples(jobs); ++i)
        if (const std::string other = PQgetvalue(jobs, i, 1); other < lowest) lowest = other;
    return lowest;
}

void drain(const std::string& url, const std::string& batch, const std::string& worker) {
    oiab::bench::Connection connection{url};
    connection.execute("SET TimeZone = 'UTC'");
    connection.prepare("claim", kClaim + batch + kClaimEnd);
    connection.prepare("settle", kSettle);
    std::string low = "-infinity";
    std::string ids = "{}";
    for (;;) {
        const auto jobs =
            connection.run_both("settle", {ids.c_str(), worker.c_str()}, "claim", {worker.c_str(), low.c_str()});
        ids = oiab::bench::array_of_first_column(jobs.get());
        if (PQntuples(jobs.get()) != 0) {
            low = lowest_run_at(jobs.get());
        } else if (low == "-infinity") {
            return;
        } else {
            low = "-infinity";
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto batch = arguments.text("batch", "1000");
        oiab::bench::in_parallel(arguments.number("connections", 2),
                                 [&](long number) { drain(url, batch, "best-" + std::to_string(number)); });
    });
}

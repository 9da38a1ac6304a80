/// @file  BEST: the fastest raw SQL known for the project's own table `jobs`, with all its columns, triggers and
/// guards: claims by ctid behind a low-water mark, with asynchronous commits, on one connection, settles on another.
/// Two connections that do both, each settle in one transaction with the next claim, are slower since the columns stand
/// in the order of change: while one settles, the other finds nothing to prune. What it leaves out of the contract are
/// other kinds, priorities, periodic full scans and rows that somebody has locked; it shows what the table's layout
/// allows.

#include "arguments.hpp"
#include "batches.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

using oiab::bench::Batches;
constexpr const char* kWorker = "best";

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

/// Claims until nothing is left; an empty batch ends the settling.
void claim(const std::string& url, const std::string& batch, Batches& batches) {
    oiab::bench::Connection connection{url};
    connection.execute("SET TimeZone = 'UTC'; SET synchronous_commit = off");
    connection.prepare("claim", kClaim + batch + kClaimEnd);
    for (std::string low = "-infinity";;) {
        const auto jobs = connection.run("claim", {kWorker, low.c_str()});
        if (PQntuples(jobs.get()) != 0) {
            low = lowest_run_at(jobs.get());
            batches.put({oiab::bench::array_of_first_column(jobs.get()), "1"});
        } else if (low == "-infinity") {
            return batches.put({});
        } else {
            low = "-infinity";
        }
    }
}

void settle(const std::string& url, Batches& batches) {
    oiab::bench::Connection connection{url};
    connection.prepare("settle", kSettle);
    for (;;) {
        const auto batch = batches.take();
        if (batch.ids.empty()) return;
        connection.run("settle", {batch.ids.c_str(), kWorker});
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto size = arguments.text("batch", "1000");
        Batches batches;
        oiab::bench::in_parallel(2, [&](long number) {
            if (number == 0) {
                claim(url, size, batches);
            } else {
                settle(url, batches);
            }
        });
    });
}

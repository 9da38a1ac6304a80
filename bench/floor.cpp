/// @file  The latency floor: one connection that listens, one statement that claims. Runs until SIGTERM; each job's
/// result holds the moment at which it could have started, as the built-in kind `noop` records it.

#include <poll.h>

#include <cerrno>
#include <csignal>

#include "arguments.hpp"
#include "postgres.hpp"

namespace {

volatile std::sig_atomic_t stop_requested = 0;

void request_stop(int) { stop_requested = 1; }

void serve(oiab::bench::Connection& connection) {
    connection.prepare("claim", R"(
        UPDATE bench.plain_jobs SET status = 'running', attempts = attempts + 1, locked_by = 'floor', locked_at = now()
        WHERE id IN (SELECT id FROM bench.plain_jobs WHERE status = 'pending' AND run_at <= now()
                     ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, payload, attempts, max_attempts)");
    connection.prepare("settle", R"(
        UPDATE bench.plain_jobs
        SET status = 'completed', result = jsonb_build_object('startedAt', $2::bigint) WHERE id = $1)");
    connection.execute("LISTEN bench_jobs");
    while (stop_requested == 0) {
        for (;;) {
            const auto jobs = connection.run("claim", {});
            if (PQntuples(jobs.get()) == 0) break;
            const auto started = std::to_string(oiab::bench::wall_microseconds());
            connection.run("settle", {PQgetvalue(jobs.get(), 0, 0), started.c_str()});
        }
        // Notifications that came along with an answer must not be slept over.
        bool notified = false;
        while (auto* notification = PQnotifies(connection.native())) {
            PQfreemem(notification);
            notified = true;
        }
        if (notified) continue;
        pollfd descriptor{PQsocket(connection.native()), POLLIN, 0};
        if (poll(&descriptor, 1, -1) < 0 && errno != EINTR) throw std::runtime_error{"poll failed"};
        PQconsumeInput(connection.native());
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        struct sigaction action{};
        action.sa_handler = request_stop;
        sigaction(SIGTERM, &action, nullptr);
        oiab::bench::Connection connection{arguments.required("url")};
        serve(connection);
    });
}

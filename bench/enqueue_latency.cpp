/// @file  Inserts jobs one by one and tells how long each took from the enqueue call to its handler's first line.
/// Closed loop: --pause-us between a job's insert and the next. Open loop: --rate jobs a second in all, over
/// --connections producers, with the schedule kept whatever the server does, so that a stall is seen by every job
/// that it delayed. Into --table, or by --insert SQL, whose jobs tell by --started SQL when they were started. Prints
/// `latency_us insert_us` a line.

#include <chrono>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "arguments.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Sent {
    std::string id;
    long long called;
    long long answered;
};

struct Plan {
    std::string url;
    std::string insert;   ///< adds a job that tells when it was started; a row with its id
    std::string started;  ///< when the job $1 was started, in microseconds since 1970; NULL or no row: not yet
    long count;
    std::chrono::microseconds pause;
    std::chrono::duration<double> interval;  // zero: closed loop
};

std::vector<Sent> produce(const Plan& plan, unsigned seed) {
    oiab::bench::Connection connection{plan.url};
    connection.prepare("insert", plan.insert);
    std::mt19937 random{seed};
    std::uniform_real_distribution<double> jitter{0.5, 1.5};
    std::vector<Sent> sent;
    auto due = Clock::now();
    for (long i = 0; i < plan.count; ++i) {
        if (plan.interval.count() > 0) {
            std::this_thread::sleep_until(due);
        } else {
            std::this_thread::sleep_for(plan.pause * jitter(random));
        }
        auto called = oiab::bench::wall_microseconds();
        if (plan.interval.count() > 0) {
            // Behind schedule: the call was due earlier, and its caller has been waiting since.
            called -= std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - due).count();
            due += std::chrono::duration_cast<Clock::duration>(plan.interval * jitter(random));
        }
        const auto row = connection.run("insert", {});
        sent.push_back({PQgetvalue(row.get(), 0, 0), called, oiab::bench::wall_microseconds()});
    }
    return sent;
}

/// Prints every job's line; waits for those that have not been started yet.
void report(const Plan& plan, const std::vector<Sent>& sent, std::chrono::seconds patience) {
    oiab::bench::Connection connection{plan.url};
    connection.prepare("started", plan.started);
    const auto give_up = Clock::now() + patience;
    for (const auto& job : sent) {
        for (;;) {
            const auto row = connection.run("started", {job.id.c_str()});
            if (PQntuples(row.get()) == 1 && PQgetisnull(row.get(), 0, 0) == 0) {
                std::printf("%lld %lld\n", std::stoll(PQgetvalue(row.get(), 0, 0)) - job.called,
                            job.answered - job.called);
                break;
            }
            if (Clock::now() > give_up) throw std::runtime_error{"job " + job.id + " was not run in time"};
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const long connections = arguments.number("connections", 1);
        const long rate = arguments.number("rate", 0);
        const auto table = arguments.text("table", "jobs");
        const Plan plan{
            arguments.required("url"),
            arguments.text("insert",
                           "INSERT INTO " + table +
                               " (kind, payload) VALUES ('noop', '{\"stamp\": true, \"text\": \"45 bytes in all\"}')"
                               " RETURNING id"),
            arguments.text("started", "SELECT result ->> 'startedAt' FROM " + table + " WHERE id = $1"),
            arguments.number("count", 500) / connections,
            std::chrono::microseconds{arguments.number("pause-us", 10'000)},
            std::chrono::duration<double>{rate > 0 ? static_cast<double>(connections) / static_cast<double>(rate) : 0}};
        std::mutex mutex;
        std::vector<Sent> sent;
        oiab::bench::in_parallel(connections, [&](long number) {
            auto mine = produce(plan, static_cast<unsigned>(number + 1));
            const std::scoped_lock lock{mutex};
            sent.insert(sent.end(), mine.begin(), mine.end());
        });
        report(plan, sent, std::chrono::seconds{arguments.number("patience-seconds", 30)});
    });
}

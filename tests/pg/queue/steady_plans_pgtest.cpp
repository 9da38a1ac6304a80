/// @file  Plans that fit an empty table as well as a full one.

#include <fmt/format.h>

#include "queue/lanes.hpp"
#include "queue/steady_plans.hpp"
#include "queue_fixture.hpp"
#include "support/eventually.hpp"

using namespace oiab;
using namespace oiab::tests;

TEST_CASE_METHOD(QueueFixture, "steady plans: a claim that was planned on an empty table does not scan the full one") {
    queue::SteadyPlans plans;
    const auto seq_scans = [&] {
        database.execute("SELECT pg_stat_force_next_flush()");
        return std::stoi(database.value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'"));
    };
    database.execute("ALTER TABLE jobs SET (autovacuum_enabled = false)");
    auto work = [&] {
        auto jobs = claim_as(plans.on(session), worker, 5);
        std::vector<queue::Settlement> batch;
        for (const auto& job : jobs) {
            if (batch.size() % 2 == 0) batch.push_back({job.key(), core::completed(), false});
            else batch.push_back({job.key(), core::retry("x", 1h)});
        }
        (void)queue::settle(plans.on(session), worker, batch);
        return jobs.size();
    };
    const auto before = seq_scans();
    for (int i = 0; i < 8; ++i) {
        insert();
        CHECK(work() == 1);
    }
    database.execute("INSERT INTO jobs (kind) SELECT 'noop' FROM generate_series(1, 3000)");
    for (int i = 0; i < 8; ++i) CHECK(work() == 5);
    // A session that ends reports what it has counted.
    session.discard();
    CHECK(work() == 5);
    eventually(
        10s,
        [&] {
            return database.value(
                       "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_ready_idx'") == "t";
        },
        "the ended session's counts are in");
    CHECK(seq_scans() == before);
}

TEST_CASE_METHOD(QueueFixture,
                 "steady plans: a settle that was planned on an empty table looks each row up by its key") {
    queue::SteadyPlans plans;
    database.execute("ALTER TABLE jobs SET (autovacuum_enabled = false)");
    // Known to be empty, a table looks as if walking through all of it were the cheapest way to any row.
    database.execute("ANALYZE jobs");
    const auto settle_all = [&] {
        std::vector<queue::Settlement> batch;
        for (const auto& job : claim_as(plans.on(session), worker, 10)) {
            if (batch.size() % 2 == 0) batch.push_back({job.key(), core::completed(), false});
            else batch.push_back({job.key(), core::retry("x", 1h)});
        }
        (void)queue::settle(plans.on(session), worker, batch);
        return batch.size();
    };
    const auto entries_read = [&] {
        database.execute("SELECT pg_stat_force_next_flush()");
        return std::stol(
            database.value("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_pkey'"));
    };
    insert();
    CHECK(settle_all() == 1);
    database.execute("INSERT INTO jobs (kind) SELECT 'noop' FROM generate_series(1, 3000)");
    for (int i = 0; i < 5; ++i) CHECK(settle_all() == 10);
    const auto calls_of_ended_sessions = [&] {
        return database.value("SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_pkey'") == "t";
    };
    session.discard();  // a session that ends reports what it has counted
    eventually(10s, calls_of_ended_sessions, "the ended session's counts are in");
    // Fifty-one rows, a few look-ups each; a walk would have read 3000 entries for every settle.
    CHECK(entries_read() < 2'000);
}

TEST_CASE_METHOD(QueueFixture,
                 "steady plans: lanes that were advanced when there were few are looked up one by one among many") {
    database.execute("ALTER TABLE jobs SET (autovacuum_enabled = false)");
    database.execute("ANALYZE jobs");
    auto settings = database.settings();
    settings.parameters = {{"enable_seqscan", "off"}};  // as the engine's sessions have it
    pg::Session advancing{settings};
    const auto advance = [&](int from, int to) {
        database.execute(fmt::format(
            "INSERT INTO jobs (kind, serial_key) SELECT 'noop', 'lane ' || n FROM generate_series({}, {}) n", from,
            to - 1));
        std::vector<std::string> lanes;
        for (int lane = from; lane < to; ++lane) lanes.push_back(fmt::format("lane {}", lane));
        return queue::advance_lanes(advancing, lanes);
    };
    const auto entries_read = [&] {
        database.execute("SELECT pg_stat_force_next_flush()");
        return std::stol(
            database.value("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_lane_head_idx'"));
    };
    for (int i = 0; i < 8; ++i) CHECK(advance(i * 10, i * 10 + 10) == 10);
    CHECK(advance(1000, 4000) == 3000);
    const auto calls_of_ended_sessions = [&] {
        return database.value(
                   "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'jobs_lane_head_idx'") == "t";
    };
    advancing.discard();  // a session that ends reports what it has counted
    eventually(10s, calls_of_ended_sessions, "the ended session's counts are in");
    // Nobody holds a lane at first, so that there is hardly an entry; a walk would read every lane's head for every two
    // hundred lanes.
    CHECK(entries_read() < 6'000);
}

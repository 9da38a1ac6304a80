/// @file  What has outlived its use goes a page at a time, with rests.

#include "runtime/retention_walk.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/engine_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// Moves by so much whenever it is asked, so that everything takes some time.
class PassingClock final : public core::Clock {
public:
    [[nodiscard]] core::SteadyTime now() const noexcept override { return now_ += step_; }
    [[nodiscard]] core::WallTime wall_now() const noexcept override { return {}; }
    void take_for_a_call(std::chrono::milliseconds step) { step_ = step; }
    void pass(std::chrono::milliseconds time) { now_ += time; }

private:
    mutable core::SteadyTime now_ = core::SteadyTime{} + 1h;
    std::chrono::milliseconds step_{0};
};

struct Walk {
    TestDatabase database;
    pg::Session session{database.settings()};
    PassingClock clock;
    observe::Log log = observe::Log::discarding();

    void add_old_jobs(int count) {
        database.execute(
            "INSERT INTO jobs (id, kind, status, finished_at) SELECT ('01800000-0000-7000-8000-' || lpad(to_hex(n), "
            "12, "
            "'0'))::uuid, 'noop', 'completed', now() - interval '10 days' FROM generate_series(1, " +
            std::to_string(count) + ") AS n");
    }
    [[nodiscard]] int jobs() { return std::stoi(database.value("SELECT count(*) FROM jobs")); }
    [[nodiscard]] int steps() { return std::stoi(database.value("SELECT count(*) FROM job_steps")); }
};

}  // namespace

TEST_CASE_METHOD(Walk, "retention: a thousand rows at a time, and nine times as long a rest") {
    add_old_jobs(2'500);
    runtime::RetentionWalk walk{{.retention = 7 * 24h, .purge_beside = {}}, clock, log};
    CHECK(walk.do_page(session) == 0ms);  // steps without a job: there are no steps
    CHECK(jobs() == 2'500);
    clock.take_for_a_call(10ms);
    for (const int left : {1'500, 500, 0}) {
        const auto rest = walk.do_page(session);
        CHECK(jobs() == left);
        // The clock was read at least once after the page.
        CHECK(rest >= 90ms);
        CHECK(rest % 90ms == 0ms);
    }
    CHECK(walk.do_page(session) == 1min);
    add_old_jobs(10);
    CHECK(walk.do_page(session) == 1min);
    CHECK(jobs() == 10);
    clock.pass(1min);
    CHECK(walk.do_page(session) < 1min);
    CHECK(jobs() == 0);
}

TEST_CASE_METHOD(Walk, "retention: steps without a job go page by page, those of a job stay") {
    database.execute(
        "INSERT INTO jobs (id, kind) VALUES ('00000000-0000-0000-0000-000000000001', 'noop');"
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch)"
        "  SELECT ('00000000-0000-0000-0000-' || lpad((n % 3)::text, 12, '0'))::uuid, 'step ' || n, 'intended', '', 1, "
        "1"
        "  FROM generate_series(1, 3000) AS n");
    runtime::RetentionWalk walk{{}, clock, log};
    (void)walk.do_page(session);
    CHECK(steps() == 2'000);
    (void)walk.do_page(session);
    CHECK(steps() == 2'000);  // the job that exists
    (void)walk.do_page(session);
    CHECK(steps() == 1'000);
    (void)walk.do_page(session);
    CHECK(walk.do_page(session) == 1min);
    CHECK(database.value("SELECT count(DISTINCT job_id) FROM job_steps") == "1");
}

TEST_CASE_METHOD(Walk, "retention: what lies beside the jobs goes on while there is more, resting in between") {
    std::vector<std::size_t> left{1'000, 1'000, 3};
    runtime::RetentionWalk walk{{.purge_beside =
                                     [&](pg::Transaction&, int batch) {
                                         CHECK(batch == 1'000);
                                         clock.pass(20ms);
                                         const auto gone = left.front();
                                         left.erase(left.begin());
                                         return gone;
                                     }},
                                clock,
                                log};
    CHECK(walk.do_page(session) == 0ms);
    for (int page = 0; page < 3; ++page) CHECK(walk.do_page(session) == 180ms);
    CHECK(left.empty());
    CHECK(walk.do_page(session) == 1min);
}

TEST_CASE("retention: a new leader looks after the jobs first") {
    TestDatabase database;
    std::atomic<int> pages{0};
    auto settings = quick_settings(database);
    settings.retention_delay = 1h;
    settings.purge_beside = [&](pg::Transaction&, int) -> std::size_t {
        ++pages;
        return 0;
    };
    Registry registry;
    RunningEngine engine{settings, registry};
    const auto lapse = [&] {
        database.execute(
            "INSERT INTO jobs (kind) VALUES ('elsewhere');"
            "UPDATE jobs SET status = 'running', lease_epoch = lease_epoch + 1, attempts = 1, locked_by = 'gone',"
            " lease_until = now() - interval '1 second' WHERE status = 'pending'");
        eventually(
            30s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "0"; },
            "what lapsed is taken back");
    };
    // The second round begins after whatever the first one did.
    lapse();
    lapse();
    CHECK(pages == 0);
    CHECK(engine.stop().left.empty());
}

TEST_CASE("retention: work without end holds up neither rescue nor stop") {
    TestDatabase database;
    std::atomic<int> pages{0};
    auto settings = quick_settings(database);
    settings.retention_delay = 0ms;
    settings.purge_beside = [&](pg::Transaction&, int batch) {
        ++pages;
        return static_cast<std::size_t>(batch);
    };
    Registry registry;
    RunningEngine engine{settings, registry};
    eventually(30s, [&] { return pages > 3; }, "the leader purges");
    database.execute(
        "INSERT INTO jobs (kind) VALUES ('elsewhere');"
        "UPDATE jobs SET status = 'running', lease_epoch = 1, attempts = 1, locked_by = 'gone', lease_until = now() - "
        "interval '1 second'");
    eventually(30s, [&] { return database.value("SELECT status FROM jobs") == "pending"; }, "the job is taken back");
    CHECK(engine.stop().left.empty());
}

TEST_CASE("retention: a delete that is refused again and again does not put off the rescue") {
    TestDatabase database;
    std::atomic<int> refused{0};
    auto settings = quick_settings(database);
    // A round of the janitor is longer than its longest pause after trouble.
    settings.lease = 18s;
    settings.retention_delay = 0ms;
    settings.purge_beside = [&](pg::Transaction& tx, int) -> std::size_t {
        ++refused;
        static_cast<void>(tx.run(pg::Statement{"refused", "DELETE FROM a_table_that_is_not_there"}));
        return 0;
    };
    database.execute(
        "INSERT INTO jobs (kind) VALUES ('elsewhere');"
        "UPDATE jobs SET status = 'running', lease_epoch = 1, attempts = 1, locked_by = 'gone', lease_until = now() - "
        "interval '1 second'");
    Registry registry;
    RunningEngine engine{settings, registry};
    eventually(60s, [&] { return database.value("SELECT status FROM jobs") == "pending"; }, "the job is taken back");
    CHECK(refused > 0);
    CHECK(engine.stop().left.empty());
}

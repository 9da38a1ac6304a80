/// @file  What a producer needs, and how workers are woken.

#include "pg/database_error.hpp"
#include "queue/enqueue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

TEST_CASE_METHOD(QueueFixture, "producers: INSERT on jobs is all that a producer needs, for every kind of row") {
    database.execute(
        "DROP ROLE IF EXISTS producer_only; CREATE ROLE producer_only; GRANT INSERT ON jobs TO producer_only");
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('tenant', '00000000-0000-0000-0000-000000000001')");
    pqxx::connection producer{database.url()};
    {
        pqxx::work work{producer};
        work.exec("SET LOCAL ROLE producer_only").no_rows();
        work.exec("INSERT INTO jobs (kind) VALUES ('noop')").no_rows();
        work.exec("INSERT INTO jobs (kind, payload) VALUES ('agent-turn', '{\"sessionId\": \"s\"}')").no_rows();
        work.exec("INSERT INTO jobs (kind, serial_key) VALUES ('noop', 'lane')").no_rows();
        work.exec("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k') ON CONFLICT DO NOTHING").no_rows();
        work.exec("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k') ON CONFLICT DO NOTHING").no_rows();
        const auto enqueued = work.exec("SELECT * FROM enqueue_job('noop', '{}', dedupe_key => 'k')")[0];
        CHECK_FALSE(enqueued[1].as<bool>());
        CHECK(work.exec("SELECT inserted FROM enqueue_job('noop')")[0][0].as<bool>());
        CHECK_THROWS_AS(work.exec("SELECT FROM jobs"), pqxx::insufficient_privilege);
    }
    database.execute("DROP OWNED BY producer_only; DROP ROLE producer_only");
}

TEST_CASE_METHOD(QueueFixture, "producers: a temporary table cannot stand in for the real one in a trigger") {
    pqxx::connection producer{database.url()};
    pqxx::work work{producer};
    work.exec("CREATE TEMP TABLE job_pauses (scope text, name text)").no_rows();
    work.exec("INSERT INTO job_pauses VALUES ('tenant', '00000000-0000-0000-0000-000000000001')").no_rows();
    const auto ready = work.exec(
                               "INSERT INTO jobs (kind, tenant_id) VALUES ('noop', "
                               "'00000000-0000-0000-0000-000000000001') RETURNING lane_ready")[0][0]
                           .as<bool>();
    CHECK(ready);
}

TEST_CASE_METHOD(QueueFixture, "enqueue: every column arrives, what is left out gets its default") {
    core::NewJob job;
    job.kind = "mail";
    job.payload = R"({"to": "x"})";
    job.run_at = core::WallTime{1'900'000'000s};
    job.max_attempts = 9;
    job.priority = -3;
    job.serial_key = "lane";
    job.tenant_id = core::TenantId::parse("00000000-0000-0000-0000-000000000001");
    job.user_id = core::UserId::parse("00000000-0000-0000-0000-000000000002");
    job.timeout = 77s;
    core::NewJob bare;
    bare.kind = "mail";
    core::NewJob delayed = bare;
    delayed.delay = 90s;
    const auto ids = pg::in_transaction(session, [&](pg::Transaction& tx) {
        return std::vector{queue::enqueue(tx, job).id, queue::enqueue(tx, bare).id, queue::enqueue(tx, delayed).id};
    });
    CHECK(field(ids[0],
                "concat_ws(' ', kind, payload, extract(epoch FROM run_at)::bigint, max_attempts, priority, serial_key, "
                "timeout_seconds)") == R"(mail {"to": "x"} 1900000000 9 -3 lane 77)");
    CHECK(field(ids[0], "right(tenant_id::text, 1) || right(user_id::text, 1)") == "12");
    CHECK(field(ids[1], "concat_ws(' ', kind, payload, status, attempts, max_attempts, priority, run_at <= now())") ==
          "mail {} pending 0 3 0 t");
    CHECK(field(ids[2], "run_at - created_at") == "00:01:30");
}

TEST_CASE_METHOD(QueueFixture, "enqueue: a payload that is not JSON and an empty kind are refused as bad data") {
    for (const bool bad_kind : {true, false}) {
        core::NewJob job;
        job.kind = bad_kind ? "" : "noop";
        job.payload = bad_kind ? "{}" : "{";
        try {
            (void)pg::autocommit(session, [&](pg::Transaction& tx) { return queue::enqueue(tx, job); });
            FAIL("accepted");
        } catch (const pg::DatabaseError& error) {
            CHECK(error.is_bad_data());
        }
    }
}

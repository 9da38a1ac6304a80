/// @file  A jobs table of the published columns, with rows in place, under a worker of today.

#include <catch2/generators/catch_generators.hpp>

#include "pg/migrations.hpp"
#include "queue/operations.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

constexpr const char* kPublished = R"(
    CREATE TABLE jobs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), kind varchar(60), status text DEFAULT 'pending', payload jsonb,
                       run_at timestamp DEFAULT now(), attempts int, max_attempts int DEFAULT 3, dedupe_key text, locked_by text);
    CREATE UNIQUE INDEX jobs_dedupe_key ON jobs (dedupe_key) WHERE status = 'pending';
    INSERT INTO jobs (kind, status, payload, attempts, locked_by, dedupe_key, run_at) VALUES
        ('noop', 'pending', NULL, NULL, NULL, 'k', '2020-01-01 12:00'), ('noop', 'running', '{}', 1, 'old', 'k', '2020-01-01'),
        ('noop', 'completed', '{}', 1, 'old', NULL, '2020-01-01'), ('noop', 'failed', NULL, 3, 'old', NULL, '2020-01-01'),
        ('noop', 'pending', '{}', 0, 'left behind', NULL, '2020-01-02'),
        ('agent-turn', 'pending', '{"sessionId": "s"}', 0, NULL, NULL, '2020-01-02'),
        ('agent-turn', 'pending', '{"sessionId": "s"}', 0, NULL, NULL, '2020-01-01'))";

struct Upgrade {
    TestDatabase database{Content::kEmpty};
    pg::Session session{database.settings()};
    queue::WorkerId worker{"new"};

    void migrate(bool legacy_index = false) {
        pqxx::connection connection{database.url()};
        pqxx::work work{connection};
        work.exec(
            "SET LOCAL search_path = public, pg_temp; SET LOCAL client_min_messages = warning; SET LOCAL TimeZone = "
            "'Pacific/Auckland'");
        work.exec(std::string{"SET LOCAL oiab.legacy_dedupe_index = "} + (legacy_index ? "on" : "off"));
        for (const auto& migration : pg::migrations()) work.exec(migration.text);
        work.commit();
    }
    std::string dedupe_indexes() {
        return database.value(
            "SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index WHERE indrelid = 'jobs'::regclass AND "
            "indisunique AND NOT indisprimary");
    }
};

}  // namespace

TEST_CASE_METHOD(Upgrade, "upgrade: rows of the published columns are kept, mended and worked on") {
    database.execute(kPublished);
    migrate();
    CHECK(database.value("SELECT count(*) FROM jobs") == "7");
    CHECK(database.value(
              "SELECT extract(epoch FROM run_at)::bigint FROM jobs WHERE dedupe_key = 'k' AND status = 'pending'") ==
          "1577880000");
    CHECK(database.value(
              "SELECT count(*) FROM jobs WHERE (finished_at IS NOT NULL) = (status IN ('completed', 'failed'))") ==
          "7");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'pending' AND locked_by IS NOT NULL") == "0");
    CHECK(database.value("SELECT locked_at IS NOT NULL AND lease_until IS NULL FROM jobs WHERE status = 'running'") ==
          "t");
    CHECK(dedupe_indexes() == "jobs_dedupe_idx");
    CHECK_THROWS_AS(database.execute("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k')"),
                    pqxx::unique_violation);

    CHECK(queue::sweep_lanes(session, "").advanced == 1);
    const auto jobs = QueueFixture::claim_as(session, worker, 10, {"noop", "agent-turn"});
    REQUIRE(jobs.size() == 3);
    CHECK(database.value("SELECT run_at::date FROM jobs WHERE kind = 'agent-turn' AND status = 'running'") ==
          "2020-01-01");
    for (const auto& job : jobs) {
        const queue::Settlement one{job.key(), core::completed("1")};
        CHECK(queue::settle(session, worker, {&one, 1})[0].state == queue::SettleState::kCompleted);
    }
    CHECK(queue::rescue(session, {}, {}).rescued.empty());
    database.execute("UPDATE jobs SET locked_at = now() - interval '2 h' WHERE status = 'running'");
    CHECK(queue::rescue(session, {}, {}).rescued.size() == 1);
}

TEST_CASE_METHOD(Upgrade, "upgrade: running it again changes nothing") {
    database.execute(kPublished);
    migrate();
    const auto before = database.value("SELECT md5(string_agg(jobs::text, '' ORDER BY id)) FROM jobs");
    const auto file = database.value("SELECT pg_relation_filenode('jobs')");
    migrate();
    CHECK(database.value("SELECT md5(string_agg(jobs::text, '' ORDER BY id)) FROM jobs") == before);
    CHECK(database.value("SELECT pg_relation_filenode('jobs')") == file);
}

TEST_CASE_METHOD(Upgrade, "upgrade: the published dedupe index is kept on request, for clients that name it") {
    database.execute(kPublished);
    migrate(true);
    CHECK(dedupe_indexes() == "jobs_dedupe_published_idx");
    database.execute(
        "INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k') ON CONFLICT (dedupe_key) WHERE status = 'pending' DO "
        "NOTHING");
    CHECK(database.value("SELECT inserted FROM enqueue_job('noop', dedupe_key => 'k')") == "f");
    migrate(false);
    CHECK(dedupe_indexes() == "jobs_dedupe_idx");
}

TEST_CASE_METHOD(Upgrade, "upgrade: a worker of the version before goes on claiming and finishing") {
    database.execute(kPublished);
    migrate();
    const auto id = database.value(
        "UPDATE jobs SET status = 'running', attempts = attempts + 1, locked_by = 'old' WHERE id = (SELECT id FROM "
        "jobs WHERE status = 'pending' "
        "AND kind = 'noop' ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id");
    database.execute("UPDATE jobs SET status = 'completed' WHERE id = '" + id + "'");
    CHECK(database.value("SELECT lease_epoch || ' ' || (finished_at IS NOT NULL) FROM jobs WHERE id = '" + id + "'") ==
          "1 true");
}

TEST_CASE_METHOD(Upgrade, "upgrade: turns of a session with a long id share the lane of those that come later") {
    database.execute(kPublished);
    const auto length = GENERATE(400, 450, 600);
    const auto insert =
        "INSERT INTO jobs (kind, payload) VALUES ('agent-turn', jsonb_build_object('session_id', repeat('x', " +
        std::to_string(length) + ")))";
    database.execute(insert);
    migrate();
    database.execute(insert);
    CHECK(database.value(
              "SELECT count(*) || ' ' || count(DISTINCT serial_key) FROM jobs WHERE payload ? 'session_id'") == "2 1");
    database.execute("UPDATE jobs SET progress = '1'");
}

TEST_CASE_METHOD(Upgrade, "upgrade: a turn that failed before queues up in its session's lane when it is tried again") {
    database.execute(kPublished);
    database.execute(
        "INSERT INTO jobs (kind, status, payload) VALUES ('agent-turn', 'failed', '{\"sessionId\": \"s\"}')");
    migrate();
    const auto id = database.value("SELECT id FROM jobs WHERE kind = 'agent-turn' AND status = 'failed'");
    const auto answer = queue::retry_job(session, *core::JobId::parse(id));
    CHECK(answer.answer == queue::RetryAnswer::kPending);
    CHECK(answer.serial_key == "session:s");
    CHECK(database.value("SELECT serial_key || ' ' || lane_ready FROM jobs WHERE id = '" + id + "'") ==
          "session:s false");
    CHECK(database.value("SELECT id = '" + id +
                         "' FROM jobs WHERE serial_key = 'session:s' ORDER BY lane_seq DESC "
                         "NULLS FIRST LIMIT 1") == "t");
}

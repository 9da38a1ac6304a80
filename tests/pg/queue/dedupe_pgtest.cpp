/// @file  Dedupe keys: inserts that are no-ops, and rows that collide on their way back to pending.

#include <thread>

#include "pg/database_error.hpp"
#include "queue/enqueue.hpp"
#include "queue/operations.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"
#include "support/eventually.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::SettleState;

namespace {
struct Dedupe : QueueFixture {
    core::Enqueued enqueue(const std::string& key) {
        core::NewJob job;
        job.kind = "noop";
        job.dedupe_key = key;
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::enqueue(tx, job); });
    }
};
}  // namespace

TEST_CASE_METHOD(Dedupe, "dedupe: a second pending job of the same key is the first one") {
    const auto first = enqueue("k");
    const auto second = enqueue("k");
    CHECK(first.inserted);
    CHECK_FALSE(second.inserted);
    CHECK(first.id == second.id);
    database.execute("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k') ON CONFLICT DO NOTHING");
    CHECK(database.value("SELECT count(*) FROM jobs") == "1");
    CHECK_THROWS_AS(insert("dedupe_key", "'k'"), pqxx::unique_violation);
}

TEST_CASE_METHOD(Dedupe, "dedupe: running and finished jobs do not block") {
    const auto first = enqueue("k");
    const auto running = claim().at(0);
    const auto second = enqueue("k");
    CHECK(second.inserted);
    CHECK(second.id != first.id);
    settle(running, core::completed());
    const auto again = claim().at(0);
    CHECK(again.id == second.id);
    CHECK(again.dedupe_key == "k");
    CHECK(enqueue("k").inserted);
}

TEST_CASE_METHOD(Dedupe, "dedupe: pending rows hold their keys and no others, whoever writes") {
    const auto id = enqueue("k").id;
    const auto holds = [&](const char* key) { return !enqueue(key).inserted; };

    // A worker of the version before names all columns but the one that the index looks at.
    update(id,
           "status = 'running', lease_epoch = lease_epoch + 1, attempts = 1, locked_by = 'older', locked_at = now(), "
           "lease_until = now() + interval '1 minute'");
    CHECK(field(id, "dedupe_pending") == "NULL");
    update(id, "status = 'pending', locked_by = NULL, locked_at = NULL, lease_until = NULL");
    CHECK(holds("k"));

    update(id, "dedupe_key = 'other'");
    CHECK(holds("other"));
    CHECK(enqueue("k").inserted);
    update(id, "dedupe_pending = NULL");
    CHECK(holds("other"));
    update(id, "dedupe_key = NULL");
    CHECK(enqueue("other").inserted);

    (void)insert("dedupe_key, status", "'imported', 'completed'");
    CHECK(enqueue("imported").inserted);
    (void)insert("dedupe_pending", "'nothing'");
    CHECK(enqueue("nothing").inserted);
}

TEST_CASE_METHOD(Dedupe, "dedupe: enqueue waits for a producer that has not committed, and takes its answer") {
    for (const bool commits : {true, false}) {
        const std::string key = commits ? "committed" : "rolled back";
        pqxx::connection other{database.url()};
        pqxx::work producer{other};
        const auto id = std::string{
            producer.exec("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', '" + key + "') RETURNING id")[0][0]
                .view()};
        core::Enqueued answer;
        std::jthread waiting{[&] { answer = enqueue(key); }};
        eventually(
            10s,
            [&] {
                return database.value(
                           "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
                           "current_database()") == "1";
            },
            "the enqueue waits for the other producer");
        if (commits) producer.commit();
        else producer.abort();
        waiting.join();
        CHECK(answer.inserted == !commits);
        CHECK((answer.id.to_string() == id) == commits);
    }
}

TEST_CASE_METHOD(Dedupe, "dedupe: a retry, snooze or release that meets a newer pending job is superseded by it") {
    int n = 0;
    for (const auto& outcome : {core::retry("x", 0ms), core::snoozed(0ms), core::Outcome{core::Released{}}}) {
        const auto key = "k" + std::to_string(++n);
        enqueue(key);
        const auto job = claim().at(0);
        const auto newer = enqueue(key);
        const auto settled = settle(job, outcome);
        CHECK(settled.state == SettleState::kFailed);
        CHECK(settled.reason == core::FailureReason::kSuperseded);
        CHECK(settled.error.find(newer.id.to_string()) != std::string::npos);
        CHECK(field(job.id, "status || ' ' || failure_reason") == "failed superseded");
        settle(claim().at(0), core::completed());
    }
}

TEST_CASE_METHOD(Dedupe, "dedupe: without a newer job a keyed row goes back like any other") {
    enqueue("k");
    auto job = claim().at(0);
    CHECK(settle(job, core::retry("x", 0ms)).state == SettleState::kPending);
    job = claim().at(0);
    CHECK(job.attempt == 2);
    CHECK(settle(job, core::Released{}).state == SettleState::kPending);
    CHECK(field(job.id, "attempts") == "1");
}

TEST_CASE_METHOD(Dedupe, "dedupe: two rows of one batch with the same key: one goes back, the other is superseded") {
    enqueue("k");
    const auto first = claim().at(0);
    enqueue("k");
    const auto second = claim().at(0);
    const auto plain = running();
    const std::vector<queue::Settlement> batch{{first.key(), core::retry("x", 0ms)},
                                               {second.key(), core::retry("x", 0ms)},
                                               {plain.key(), core::retry("x", 0ms)}};
    const auto settled = queue::settle(session, worker, batch);
    CHECK(settled[0].state == SettleState::kPending);
    CHECK(settled[1].reason == core::FailureReason::kSuperseded);
    CHECK(settled[1].error.find(first.id.to_string()) != std::string::npos);
    CHECK(settled[2].state == SettleState::kPending);
}

TEST_CASE_METHOD(Dedupe, "dedupe: a producer that has not committed holds up only the row of its key") {
    enqueue("k");
    const auto job = claim().at(0);
    enqueue("free");
    const auto free = claim().at(0);
    pqxx::connection other{database.url()};
    pqxx::work producer{other};
    producer.exec("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k')");
    const std::vector<queue::Settlement> batch{{job.key(), core::retry("x", 0ms)}, {free.key(), core::retry("x", 0ms)}};
    auto settled = queue::settle(session, worker, batch);
    CHECK(settled[0].state == SettleState::kHeld);
    CHECK(settled[1].state == SettleState::kPending);
    CHECK(status(job.id) == "running");
    SECTION("the producer commits: superseded") {
        producer.commit();
        CHECK(settle(job, core::retry("x", 0ms)).reason == core::FailureReason::kSuperseded);
    }
    SECTION("the producer gives up: back to pending") {
        producer.abort();
        CHECK(settle(job, core::retry("x", 0ms)).state == SettleState::kPending);
    }
}

TEST_CASE_METHOD(Dedupe, "dedupe: a rescue that meets a newer pending job is superseded, and counted as a crash") {
    enqueue("k");
    const auto job = claim().at(0);
    const auto newer = enqueue("k");
    enqueue("alone");
    const auto alone = claim(1).at(0);
    REQUIRE(alone.id == newer.id);
    enqueue("k");
    lapse(job.id);
    const auto rescued = queue::rescue(session, {}, {}).rescued;
    REQUIRE(rescued.size() == 1);
    CHECK(rescued[0].status == core::Status::kFailed);
    CHECK(rescued[0].reason == core::FailureReason::kSuperseded);
    CHECK(field(job.id, "crash_count") == "1");
    lapse(alone.id);
    database.execute("DELETE FROM jobs WHERE status = 'pending'");
    CHECK(queue::rescue(session, {}, {}).rescued.at(0).status == core::Status::kPending);
}

TEST_CASE_METHOD(Dedupe, "dedupe: an operator's retry that meets a newer pending job names it and changes nothing") {
    enqueue("k");
    const auto job = claim().at(0);
    settle(job, core::failed(core::FailureReason::kError, "x"));
    const auto newer = enqueue("k");
    const auto retried = queue::retry_job(session, job.id);
    CHECK(retried.answer == queue::RetryAnswer::kSuperseded);
    CHECK(retried.superseded_by == newer.id);
    CHECK(status(job.id) == "failed");
}

/// @file  Settling: every outcome, the guard, and bad data that harms nobody else.

#include <algorithm>
#include <catch2/generators/catch_generators.hpp>

#include "pg/database_error.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::SettleState;

TEST_CASE_METHOD(QueueFixture, "settle: completed without a result") {
    const auto job = running();
    CHECK(settle(job, core::completed()).state == SettleState::kCompleted);
    CHECK(field(job.id, "concat_ws(' ', status, attempts, lease_epoch, locked_by)") == "completed 1 1 host-1-abc");
    CHECK(field(job.id, "finished_at IS NOT NULL AND lease_until IS NULL AND result IS NULL") == "t");
}

TEST_CASE_METHOD(QueueFixture, "settle: completed with a result") {
    const auto job = running();
    CHECK(settle(job, core::completed(R"({"answer": [1, "zwei \" \\ ü"]})")).state == SettleState::kCompleted);
    CHECK(field(job.id, "result->'answer'->>1") == "zwei \" \\ ü");
}

TEST_CASE_METHOD(QueueFixture, "settle: a retry goes back to pending after its delay and keeps its attempt") {
    const auto job = running();
    CHECK(settle(job, core::Retry{"no luck", 90s, core::FailureReason::kTimeout}).state == SettleState::kPending);
    CHECK(field(job.id, "concat_ws(' ', status, attempts, lease_epoch, last_error)") == "pending 1 1 no luck");
    CHECK(field(job.id, "run_at BETWEEN now() + interval '80 s' AND now() + interval '90 s'") == "t");
    CHECK(field(job.id, "num_nulls(locked_by, locked_at, lease_until, finished_at, failure_reason)") == "5");
    CHECK(field(job.id, "attempt_errors->0->>'reason'") == "timeout");
    CHECK(field(job.id, "attempt_errors->0->>'worker'") == "host-1-abc");
}

TEST_CASE_METHOD(QueueFixture, "settle: a retry at the last attempt fails with its reason") {
    const auto job = running("max_attempts", "1");
    const auto settled = settle(job, core::retry("no luck", 1s));
    CHECK(settled.state == SettleState::kFailed);
    CHECK(settled.reason == core::FailureReason::kError);
    CHECK(settled.error == "no luck");
    CHECK(field(job.id, "concat_ws(' ', status, failure_reason, last_error)") == "failed error no luck");
    CHECK(field(job.id, "finished_at IS NOT NULL") == "t");
}

TEST_CASE_METHOD(QueueFixture, "settle: a snooze and a release give the attempt back, a release leaves run_at") {
    const auto snoozed = running();
    CHECK(settle(snoozed, core::snoozed(1h)).state == SettleState::kPending);
    CHECK(field(snoozed.id, "attempts || ' ' || (run_at > now() + interval '59 min')") == "0 true");
    const auto released = running("run_at", "'2020-01-01'");
    CHECK(settle(released, core::Released{}).state == SettleState::kPending);
    CHECK(field(released.id, "attempts || ' ' || run_at::date") == "0 2020-01-01");
    CHECK(field(released.id, "attempt_errors IS NULL AND last_error IS NULL") == "t");
}

TEST_CASE_METHOD(QueueFixture, "settle: a failure is final with reason and error") {
    const auto job = running();
    CHECK(settle(job, core::failed(core::FailureReason::kBudget, "too dear")).state == SettleState::kFailed);
    CHECK(field(job.id, "concat_ws(' ', status, failure_reason, last_error)") == "failed budget too dear");
}

TEST_CASE_METHOD(QueueFixture, "settle: only the last twenty errors are kept") {
    auto job = running("max_attempts", "100");
    for (int i = 1; i <= 23; ++i) {
        REQUIRE(settle(job, core::retry("error " + std::to_string(i), 0ms)).state == SettleState::kPending);
        job = claim().at(0);
    }
    CHECK(field(job.id, "jsonb_array_length(attempt_errors)") == "20");
    CHECK(field(job.id, "attempt_errors->0->>'error'") == "error 4");
    CHECK(field(job.id, "attempt_errors->-1->>'attempt'") == "23");
}

TEST_CASE_METHOD(QueueFixture, "settle: a mixed batch is answered in its order") {
    const auto a = running(), b = running(), c = running("max_attempts", "1"), d = running(), e = running(),
               f = running();
    const std::vector<queue::Settlement> batch{
        {a.key(), core::completed()},    {b.key(), core::retry("x", 1s)},
        {c.key(), core::retry("x", 1s)}, {d.key(), core::completed("1")},
        {e.key(), core::Abandoned{}},    {f.key(), core::AlreadySettled{core::Status::kCompleted}}};
    const auto settled = queue::settle(session, worker, batch);
    REQUIRE(settled.size() == 6);
    CHECK(settled[0].state == SettleState::kCompleted);
    CHECK(settled[1].state == SettleState::kPending);
    CHECK(settled[2].state == SettleState::kFailed);
    CHECK(settled[3].state == SettleState::kCompleted);
    CHECK(settled[4].state == SettleState::kLost);
    CHECK(settled[5].state == SettleState::kCompleted);
    CHECK(settled[3].key == d.key());
    CHECK(status(e.id) == "running");
    CHECK(status(f.id) == "running");
}

TEST_CASE_METHOD(QueueFixture, "settle: attempts of different epochs are settled in one batch, each under its own") {
    std::vector<core::Job> jobs;
    for (const auto* epoch : {"0", "7", "0", "4", "0", "7", "0"}) jobs.push_back(running("lease_epoch", epoch));
    // One that has the epoch of most, where the row has another, and one the other way round.
    std::vector<queue::Settlement> batch;
    for (const auto& job : jobs) batch.push_back({job.key(), core::completed()});
    batch[1].key.epoch = batch[0].key.epoch;
    batch[2].key.epoch = batch[3].key.epoch;
    const bool deletes = GENERATE(false, true);
    const auto settled =
        deletes ? queue::settle_and_delete(session, worker, batch) : queue::settle(session, worker, batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        INFO(i);
        const bool ours = i != 1 && i != 2;
        CHECK(settled.at(i).state == (ours ? SettleState::kCompleted : SettleState::kLost));
        CHECK(field(jobs[i].id, "status") == (!ours ? "running" : deletes ? "" : "completed"));
    }
}

TEST_CASE_METHOD(QueueFixture, "settle: a rescued attempt can no longer settle, in any way") {
    const auto job = running();
    lapse(job.id);
    REQUIRE(queue::rescue(session, {}, {}).rescued.size() == 1);
    for (const auto& outcome : {core::completed(), core::completed("1"), core::retry("x", 0ms), core::snoozed(0ms),
                                core::failed(core::FailureReason::kError, "x"), core::Outcome{core::Released{}}})
        CHECK(settle(job, outcome).state == SettleState::kLost);
    CHECK(field(job.id, "concat_ws(' ', status, attempts, lease_epoch)") == "pending 1 1");
    const auto again = claim().at(0);
    CHECK(again.lease_epoch.value == 2);
    CHECK(settle(job, core::completed()).state == SettleState::kLost);
    CHECK(status(job.id) == "running");
    CHECK(settle(again, core::completed()).state == SettleState::kCompleted);
}

TEST_CASE_METHOD(QueueFixture, "settle: of two attempts of one job in a batch only the later is written") {
    const auto job = running();
    lapse(job.id);
    REQUIRE(queue::rescue(session, {}, {}).rescued.size() == 1);
    const auto again = claim().at(0);
    const queue::Settlement earlier{job.key(), core::failed(core::FailureReason::kError, "x")};
    const queue::Settlement later{again.key(), core::completed("1")};
    const bool later_first = GENERATE(true, false);
    const auto settled =
        queue::settle(session, worker, later_first ? std::vector{later, earlier} : std::vector{earlier, later});
    REQUIRE(settled.size() == 2);
    CHECK(settled[later_first ? 0 : 1].key == again.key());
    CHECK(settled[later_first ? 0 : 1].state == SettleState::kCompleted);
    CHECK(settled[later_first ? 1 : 0].key == job.key());
    CHECK(settled[later_first ? 1 : 0].state == SettleState::kLost);
    CHECK(field(job.id, "status || ' ' || result") == "completed 1");
}

TEST_CASE_METHOD(QueueFixture, "settle: another worker's row in the same epoch is not ours") {
    const auto job = running();
    const queue::Settlement one{job.key(), core::completed(), GENERATE(true, false)};
    CHECK(queue::settle(session, {"somebody else"}, {&one, 1}).at(0).state == SettleState::kLost);
    CHECK(status(job.id) == "running");
}

TEST_CASE_METHOD(QueueFixture, "settle: an attempt that was lost is told apart from those beside it") {
    const auto mine = running(), lost = running(), mine_too = running();
    lapse(lost.id);
    REQUIRE(queue::rescue(session, {}, {}).rescued.size() == 1);
    const std::vector<queue::Settlement> batch{{mine.key(), core::completed(), false},
                                               {lost.key(), core::completed(), false},
                                               {mine_too.key(), core::completed(), false}};
    for (const int round : {1, 2}) {
        INFO("round " << round);
        const auto settled = queue::settle(session, worker, batch);
        CHECK(settled[0].state == SettleState::kCompleted);
        CHECK(settled[1].state == SettleState::kLost);
        CHECK(settled[2].state == SettleState::kCompleted);
    }
    CHECK(status(mine.id) == "completed");
    CHECK(status(lost.id) == "pending");
    CHECK(status(mine_too.id) == "completed");
}

TEST_CASE_METHOD(QueueFixture, "settle: a row that another session holds is reported and left for later") {
    const auto held = running(), held_with_result = running(), free = running();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("SELECT FROM jobs WHERE id IN ('" + held.id.to_string() + "', '" + held_with_result.id.to_string() +
                "') FOR UPDATE");
    const bool keyed = GENERATE(true, false);
    const std::vector<queue::Settlement> batch{{held.key(), core::completed(), keyed},
                                               {held_with_result.key(), core::completed("2"), keyed},
                                               {free.key(), core::completed(), keyed}};
    auto settled = queue::settle(session, worker, batch);
    CHECK(settled[0].state == SettleState::kHeld);
    CHECK(settled[1].state == SettleState::kHeld);
    CHECK(settled[2].state == SettleState::kCompleted);
    holder.abort();
    settled = queue::settle(session, worker, batch);
    for (const auto& one : settled) CHECK(one.state == SettleState::kCompleted);
}

TEST_CASE_METHOD(QueueFixture, "settle: the same batch again, as after a lost answer, is recognised as written") {
    const auto done = running(), failed = running();
    const std::vector<queue::Settlement> batch{{done.key(), core::completed("1")},
                                               {failed.key(), core::failed(core::FailureReason::kError, "x")}};
    (void)queue::settle(session, worker, batch);
    const auto again = queue::settle(session, worker, batch);
    CHECK(again[0].state == SettleState::kCompleted);
    CHECK(again[1].state == SettleState::kFailed);
    CHECK(again[1].error == "x");
    CHECK(field(done.id, "result") == "1");
}

TEST_CASE_METHOD(QueueFixture, "settle: a result that the server refuses fails alone") {
    std::vector<queue::Settlement> batch;
    std::vector<core::Job> jobs;
    for (int i = 0; i < 9; ++i) jobs.push_back(running("max_attempts", "3"));
    for (std::size_t i = 0; i < jobs.size(); ++i) batch.push_back({jobs[i].key(), core::completed("{\"n\": 1}")});
    batch[3].outcome = core::completed(R"({"text": "\u0000"})");
    batch[6].outcome = core::completed("not json");
    batch[7].outcome = core::completed(std::string{"\"\xff\xfe\""});
    batch[8].outcome = core::completed();
    const auto settled = queue::settle(session, worker, batch);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const bool is_bad = i == 3 || i == 6 || i == 7;
        INFO("row " << i);
        CHECK(settled[i].state == (is_bad ? SettleState::kFailed : SettleState::kCompleted));
        CHECK(status(jobs[i].id) == (is_bad ? "failed" : "completed"));
    }
    CHECK(settled[3].error == "the server refused to store the outcome (SQLSTATE 22P05)");
    CHECK(field(jobs[7].id, "last_error") == "the server refused to store the outcome (SQLSTATE 22021)");
    CHECK(field(jobs[3].id, "result IS NULL") == "t");
}

TEST_CASE_METHOD(QueueFixture, "settle: large results travel in several statements, so that no batch is too large") {
    const std::vector jobs{running(), running(), running()};
    database.execute(
        "CREATE TABLE statements (); CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT "
        "INTO statements DEFAULT VALUES; RETURN NULL; END $$; CREATE TRIGGER count_it AFTER UPDATE ON jobs FOR EACH "
        "STATEMENT EXECUTE FUNCTION count_it()");
    const auto result = "\"" + std::string(12 * 1024 * 1024, 'x') + "\"";
    std::vector<queue::Settlement> batch;
    for (const auto& job : jobs) batch.push_back({job.key(), core::completed(result)});
    for (const auto& settled : queue::settle(session, worker, batch)) CHECK(settled.state == SettleState::kCompleted);
    CHECK(database.value("SELECT count(*) FROM statements") == "2");
    CHECK(field(jobs[2].id, "length(result::text)") == std::to_string(result.size()));
}

TEST_CASE_METHOD(QueueFixture, "settle: an error text of any bytes is stored readable, and the retry stays a retry") {
    const auto job = running();
    CHECK(settle(job, core::retry(std::string{"bad \xff byte, nul \0, end", 22}, 0ms)).state == SettleState::kPending);
    CHECK(field(job.id, "last_error") == "bad \xEF\xBF\xBD byte, nul \xEF\xBF\xBD, end");
}

TEST_CASE_METHOD(QueueFixture, "settle: whatever would go back to pending fails once cancelling was asked for") {
    for (const auto& outcome : {core::retry("x", 0ms), core::snoozed(0ms), core::Outcome{core::Released{}}}) {
        const auto job = running();
        update(job.id, "cancel_requested_at = now()");
        CHECK(settle(job, outcome).reason == core::FailureReason::kCancelled);
        CHECK(field(job.id, "status || ' ' || failure_reason") == "failed cancelled");
    }
    const auto done = running();
    update(done.id, "cancel_requested_at = now()");
    CHECK(settle(done, core::completed()).state == SettleState::kCompleted);
}

TEST_CASE_METHOD(QueueFixture, "settle and delete: a completed job is gone with its steps, others stay") {
    const auto done = running(), with_result = running(), failed = running(), lost = running();
    database.execute(
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at) SELECT id, 's', "
        "'done', 'h', 1, 1, now() FROM jobs");
    lapse(lost.id);
    (void)queue::rescue(session, {}, {});
    const std::vector<queue::Settlement> batch{{done.key(), core::completed()},
                                               {with_result.key(), core::completed("1")},
                                               {failed.key(), core::failed(core::FailureReason::kError, "x")},
                                               {lost.key(), core::completed()}};
    const auto settled = queue::settle_and_delete(session, worker, batch);
    CHECK(settled[0].state == SettleState::kCompleted);
    CHECK(settled[1].state == SettleState::kCompleted);
    CHECK(settled[2].state == SettleState::kFailed);
    CHECK(settled[3].state == SettleState::kLost);
    CHECK(database.value("SELECT string_agg(status, ' ' ORDER BY status) FROM jobs") == "failed pending");
    CHECK(database.value("SELECT count(*) FROM job_steps") == "2");
}

TEST_CASE_METHOD(QueueFixture, "settle and delete: a job that has no steps needs no look at them") {
    const auto done = running(), keyed = running("serial_key", "'a'"), held = running(), lost = running();
    lapse(lost.id);
    (void)queue::rescue(session, {}, {});
    std::vector<queue::Settlement> batch;
    for (const auto& job : {done, keyed, held, lost})
        batch.push_back({job.key(), core::completed("1"), job.serial_key.has_value(), false});
    database.execute(
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at) SELECT id, 's', "
        "'done', 'h', 1, 1, now() FROM jobs WHERE status = 'running'");
    pqxx::connection other{database.url()};
    pqxx::work transaction{other};
    transaction.exec("SELECT FROM jobs WHERE id = $1 FOR UPDATE", pqxx::params{held.id.to_string()}).one_row();
    const auto settled = queue::settle_and_delete(session, worker, batch);
    CHECK(settled[0].state == SettleState::kCompleted);
    CHECK(settled[1].state == SettleState::kCompleted);
    CHECK(settled[1].serial_key == "a");
    CHECK(settled[2].state == SettleState::kHeld);
    CHECK(settled[3].state == SettleState::kLost);
    CHECK(database.value("SELECT string_agg(status, ' ' ORDER BY status) FROM jobs") == "pending running");
    // Only those of the keyed one were looked for.
    CHECK(database.value("SELECT count(*) FROM job_steps") == "2");
}

TEST_CASE_METHOD(QueueFixture,
                 "delete completed: what handlers completed themselves is gone with its steps, nothing else") {
    const auto done = running(), kept = running(), still_running = running(), another_attempt = running();
    database.execute(
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at) SELECT id, 's', "
        "'done', 'h', 1, 1, now() FROM jobs");
    for (const auto& job : {done, kept, another_attempt}) {
        CHECK(pg::in_transaction(
            session, [&](pg::Transaction& tx) { return queue::complete_in(tx, {worker, job.key()}, "1"); }));
    }
    database.execute("CREATE TABLE receipts (job uuid REFERENCES jobs)");
    database.execute("INSERT INTO receipts VALUES ('" + kept.id.to_string() + "')");
    const std::vector<core::AttemptKey> keys{done.key(), kept.key(), still_running.key(), {another_attempt.id, {2}}};
    CHECK(queue::delete_completed(session, {"somebody else"}, keys) == 0);
    CHECK(queue::delete_completed(session, worker, keys) == 1);
    CHECK(queue::delete_completed(session, worker, keys) == 0);
    CHECK(status(done.id).empty());
    CHECK(status(kept.id) == "completed");
    CHECK(status(still_running.id) == "running");
    CHECK(status(another_attempt.id) == "completed");
    CHECK(database.value("SELECT count(*) FROM job_steps") == "3");
}

TEST_CASE_METHOD(QueueFixture,
                 "atomic completion: the handler's writes and the completion commit together or not at all") {
    database.execute("CREATE TABLE effects (job uuid)");
    const auto job = running();
    const auto complete = [&] {
        return pg::in_transaction(session, [&](pg::Transaction& tx) {
            tx.raw().exec("INSERT INTO effects VALUES ('" + job.id.to_string() + "')").no_rows();
            if (!queue::complete_in(tx, {worker, job.key()}, R"({"ok": true})")) throw std::runtime_error{"lost"};
            return true;
        });
    };
    CHECK(complete());
    CHECK(field(job.id, "status || ' ' || result") == "completed {\"ok\": true}");
    CHECK_THROWS_AS(complete(), std::runtime_error);
    CHECK(database.value("SELECT count(*) FROM effects") == "1");
}

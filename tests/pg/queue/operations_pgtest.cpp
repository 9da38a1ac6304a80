/// @file  What an operator does to single jobs, and the removal of old ones.

#include "queue/inspect.hpp"
#include "queue/operations.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {
struct Operations : QueueFixture {
    queue::CancelAnswer cancel(core::JobId id) {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::cancel_job(tx, id); }).answer;
    }
    queue::DeleteAnswer remove(core::JobId id) {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::delete_job(tx, id); });
    }
    void add_step(core::JobId id, const std::string& name, const std::string& status) {
        database.execute(
            "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at) VALUES ('" +
            id.to_string() + "', '" + name + "', '" + status + "', 'h', 1, 1, now())");
    }
};
}  // namespace

TEST_CASE_METHOD(Operations,
                 "retry: a failed job is pending and due, with all attempts; done steps stay, failed ones go") {
    const auto job = running("max_attempts", "2");
    update(job.id, "crash_count = 2");
    settle(job, core::failed(core::FailureReason::kBudget, "x"));
    update(job.id, "cancel_requested_at = now()");
    add_step(job.id, "one", "done");
    add_step(job.id, "two", "failed");
    add_step(job.id, "three", "unknown");
    CHECK(queue::retry_job(session, job.id).answer == queue::RetryAnswer::kPending);
    CHECK(field(job.id, "concat_ws(' ', status, attempts, max_attempts, crash_count, lease_epoch)") ==
          "pending 0 2 0 1");
    CHECK(field(job.id, "num_nulls(failure_reason, cancel_requested_at, finished_at, locked_by)") == "4");
    CHECK(database.value("SELECT string_agg(name, ' ' ORDER BY name) FROM job_steps") == "one three");
    CHECK(claim().at(0).id == job.id);
}

TEST_CASE_METHOD(Operations, "retry: a pending job becomes due; running, completed and unknown ones are refused") {
    const auto future = insert("run_at", "now() + interval '1 day'");
    CHECK(queue::retry_job(session, future).answer == queue::RetryAnswer::kPending);
    const auto job = claim().at(0);
    CHECK(queue::retry_job(session, job.id).answer == queue::RetryAnswer::kNotRetryable);
    settle(job, core::completed());
    CHECK(queue::retry_job(session, job.id).answer == queue::RetryAnswer::kNotRetryable);
    CHECK(queue::retry_job(session, core::JobId{}).answer == queue::RetryAnswer::kNotFound);
}

TEST_CASE_METHOD(Operations, "retry: a row that somebody holds is not waited for") {
    const auto id = insert();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("SELECT FROM jobs WHERE id = '" + id.to_string() + "' FOR UPDATE");
    CHECK(queue::retry_job(session, id).answer == queue::RetryAnswer::kHeld);
}

TEST_CASE_METHOD(Operations,
                 "cancel: a pending job fails as cancelled, a running one's worker is told, a final one stays") {
    const auto pending = insert();
    CHECK(cancel(pending) == queue::CancelAnswer::kCancelled);
    CHECK(field(pending, "status || ' ' || failure_reason") == "failed cancelled");
    CHECK(cancel(pending) == queue::CancelAnswer::kFinal);
    CHECK(cancel(core::JobId{}) == queue::CancelAnswer::kNotFound);

    pqxx::connection listener{database.url()};
    std::string told;
    listener.listen("oiab_control", [&](pqxx::notification n) { told = std::string{n.payload}; });
    const auto job = running();
    CHECK(cancel(job.id) == queue::CancelAnswer::kRequested);
    CHECK(field(job.id, "status || ' ' || (cancel_requested_at IS NOT NULL)") == "running true");
    pqxx::nontransaction{listener}.exec("SELECT 1");
    listener.get_notifs();
    CHECK(told == "cancel " + job.id.to_string());
    CHECK(settle(job, core::failed(core::FailureReason::kCancelled, "told to stop")).state ==
          queue::SettleState::kFailed);
}

TEST_CASE_METHOD(Operations, "delete: not while it runs, and with its steps") {
    const auto job = running();
    add_step(job.id, "one", "done");
    CHECK(remove(job.id) == queue::DeleteAnswer::kRunning);
    settle(job, core::completed());
    CHECK(remove(job.id) == queue::DeleteAnswer::kDeleted);
    CHECK(remove(job.id) == queue::DeleteAnswer::kNotFound);
    CHECK(database.value("SELECT count(*) FROM job_steps") == "0");
}

TEST_CASE_METHOD(Operations,
                 "purge: old finished jobs go page by page with their steps, young and unfinished ones stay") {
    // Ten old ones of each sort; ids as old as the rows.
    database.execute(
        "INSERT INTO jobs (id, kind, status, finished_at) SELECT ('01800000-0000-7000-8000-0000000000' || "
        "lpad(n::text, 2, '0'))::uuid, 'old', "
        "CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'failed' END, now() - interval '10 days' FROM generate_series(10, "
        "29) n");
    database.execute(
        "INSERT INTO jobs (id, kind) VALUES ('01800000-0000-7000-8000-000000000015'::uuid, 'x') ON CONFLICT DO "
        "NOTHING");
    database.execute("INSERT INTO jobs (id, kind) VALUES ('01800000-0000-7000-8000-000000000099', 'unfinished')");
    const auto recent = running();
    settle(recent, core::completed());
    database.execute(
        "INSERT INTO jobs (id, kind, status, finished_at) VALUES ('f0000000-0000-4000-8000-000000000001', 'random id', "
        "'completed', now() - interval '10 days')");
    add_step(*core::JobId::parse("01800000-0000-7000-8000-000000000012"), "one", "done");
    const auto walk = [&](bool whole) {
        int deleted = 0;
        std::optional<queue::PurgeCursor> cursor{queue::PurgeCursor{}};
        while (cursor) {
            const auto page = pg::autocommit(
                session, [&](pg::Transaction& tx) { return queue::purge(tx, 24h * 7, *cursor, 6, whole); });
            deleted += page.deleted;
            cursor = page.next;
        }
        return deleted;
    };
    CHECK(walk(false) == 20);
    CHECK(walk(false) == 0);
    CHECK(database.value("SELECT string_agg(kind, ' ' ORDER BY kind) FROM jobs") == "noop random id unfinished");
    CHECK(database.value("SELECT count(*) FROM job_steps") == "0");
    CHECK(walk(true) == 1);
    add_step(core::JobId{}, "orphan", "done");
    add_step(recent.id, "kept", "done");
    CHECK(pg::autocommit(session, [](pg::Transaction& tx) { return queue::purge_orphan_steps(tx, {}).deleted; }) == 1);
    CHECK(database.value("SELECT name FROM job_steps") == "kept");
}

TEST_CASE_METHOD(Operations, "list and show: newest first, filtered, with everything that is known") {
    const auto a = insert("payload, tenant_id", R"('{"n": 1}', '00000000-0000-0000-0000-000000000001')");
    const auto b = insert("", "", "other");
    const auto c = running();
    settle(c, core::completed(R"({"ok": 1})"));
    const auto list = [&](const queue::JobFilter& filter) {
        std::vector<core::JobId> ids;
        for (const auto& view :
             pg::autocommit(session, [&](pg::Transaction& tx) { return queue::list_jobs(tx, filter); }))
            ids.push_back(view.id);
        return ids;
    };
    using Ids = std::vector<core::JobId>;
    queue::JobFilter all, by_status, by_kind, by_tenant, page;
    by_status.status = core::Status::kCompleted;
    by_kind.kind = "other";
    by_tenant.tenant_id = core::TenantId::parse("00000000-0000-0000-0000-000000000001");
    page.before = c.id;
    page.limit = 1;
    CHECK(list(all) == Ids{c.id, b, a});
    CHECK(list(by_status) == Ids{c.id});
    CHECK(list(by_kind) == Ids{b});
    CHECK(list(by_tenant) == Ids{a});
    CHECK(list(page) == Ids{b});
    const auto shown = pg::autocommit(session, [&](pg::Transaction& tx) { return queue::load_job(tx, c.id); });
    REQUIRE(shown);
    CHECK(shown->status == core::Status::kCompleted);
    CHECK(shown->result == R"({"ok": 1})");
    CHECK(shown->locked_by == "host-1-abc");
    CHECK_FALSE(pg::autocommit(session, [&](pg::Transaction& tx) { return queue::load_job(tx, core::JobId{}); }));
}

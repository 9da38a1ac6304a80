/// @file  Rescue of lapsed leases: who is taken back, what is charged, how the walk goes on.

#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {
struct Rescue : QueueFixture {
    std::vector<queue::Rescued> walk(queue::RescueSettings settings = {}) {
        std::vector<queue::Rescued> all;
        std::optional<queue::RescueCursor> cursor{queue::RescueCursor{}};
        while (cursor) {
            auto page = queue::rescue(session, settings, *cursor);
            all.insert(all.end(), page.rescued.begin(), page.rescued.end());
            cursor = page.next;
            ++pages;
        }
        return all;
    }
    int pages = 0;
};
}  // namespace

TEST_CASE_METHOD(Rescue, "rescue: a lapsed attempt goes back to pending, charged as a crash and not as an attempt") {
    const auto job = running("run_at", "'2020-01-01'");
    const auto alive = running();
    lapse(job.id);
    const auto rescued = walk();
    REQUIRE(rescued.size() == 1);
    CHECK(rescued[0].id == job.id);
    CHECK(rescued[0].worker == "host-1-abc");
    CHECK(rescued[0].crash_count == 1);
    CHECK(rescued[0].status == core::Status::kPending);
    CHECK(field(job.id, "concat_ws(' ', status, attempts, crash_count, lease_epoch, run_at::date)") ==
          "pending 1 1 1 2020-01-01");
    CHECK(field(job.id, "num_nulls(locked_by, locked_at, lease_until)") == "3");
    CHECK(field(job.id, "attempt_errors->0->>'reason'") == "lease_expired");
    CHECK(status(alive.id) == "running");
}

TEST_CASE_METHOD(Rescue, "rescue: the third crash fails the job as crashed, the last attempt as lease_expired") {
    auto job = running("max_attempts", "9");
    for (int crash = 1; crash <= 3; ++crash) {
        lapse(job.id);
        CHECK(walk().at(0).crash_count == crash);
        if (crash < 3) job = claim().at(0);
        CHECK(job.crash_count == (crash < 3 ? crash : 2));
    }
    CHECK(field(job.id, "status || ' ' || failure_reason") == "failed crashed");
    CHECK(field(job.id, "locked_by IS NULL") == "t");

    const auto last = running("max_attempts", "1");
    lapse(last.id);
    CHECK(walk().at(0).reason == core::FailureReason::kLeaseExpired);
    CHECK(status(last.id) == "failed");
}

TEST_CASE_METHOD(Rescue, "rescue: a job that was to be cancelled fails as cancelled") {
    const auto job = running();
    update(job.id, "cancel_requested_at = now()");
    lapse(job.id);
    CHECK(walk().at(0).reason == core::FailureReason::kCancelled);
}

TEST_CASE_METHOD(Rescue, "rescue: a renewal that comes first keeps the job") {
    const auto job = running();
    lapse(job.id);
    pqxx::connection other{database.url()};
    pqxx::work renewal{other};
    renewal.exec("UPDATE jobs SET lease_until = now() + interval '1 min' WHERE id = '" + job.id.to_string() + "'");
    CHECK(walk().empty());
    renewal.commit();
    CHECK(walk().empty());
    CHECK(status(job.id) == "running");
}

TEST_CASE_METHOD(Rescue, "rescue: rows of workers without leases wait for legacy_lock_timeout, or for ever") {
    const auto job = insert();
    update(job, "status = 'running', locked_by = 'old worker', attempts = attempts + 1");
    CHECK(field(job, "lease_epoch || ' ' || (lease_until IS NULL) || ' ' || (locked_at IS NOT NULL)") == "1 true true");
    CHECK(walk({.legacy_lock_timeout = 1h}).empty());
    update(job, "locked_at = now() - interval '2 h'");
    CHECK(walk({.legacy_lock_timeout = 0ms}).empty());
    CHECK(walk({.legacy_lock_timeout = 3h}).empty());
    CHECK(walk({.legacy_lock_timeout = 1h}).at(0).worker == "old worker");
    CHECK(field(job, "status || ' ' || crash_count") == "pending 1");
}

TEST_CASE_METHOD(Rescue, "rescue: pages reach every kind and priority and pass over what is not due") {
    std::vector<core::JobId> lapsed;
    for (const auto* kind : {"a", "b", "noop"}) {
        for (int i = 0; i < 7; ++i) insert("priority", std::to_string(i % 3), kind);
        database.execute(std::string{"INSERT INTO jobs (kind, run_at) SELECT '"} + kind +
                         "', now() + interval '1 h' FROM generate_series(1, 40)");
    }
    for (const auto& job : claim(100, {"a", "b", "noop"})) lapsed.push_back(job.id);
    REQUIRE(lapsed.size() == 21);
    for (int i = 0; i < 7; ++i) insert();
    for (const auto id : lapsed) lapse(id);
    CHECK(walk({.page_size = 5}).size() == 21);
    // 28 due rows make at least six pages; 120 future ones would make 24 more.
    CHECK(pages < 20);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "0");
}

TEST_CASE_METHOD(Rescue, "rescue: a job that was claimed before it was due is found behind pages of future ones") {
    database.execute(
        "INSERT INTO jobs (kind, run_at) SELECT 'noop', now() + interval '1 h' FROM generate_series(1, 20)");
    const auto early = insert("run_at", "now() + interval '1 day'"),
               legacy = insert("run_at", "now() + interval '1 day'");
    REQUIRE(pg::autocommit(session,
                           [&](pg::Transaction& tx) { return queue::claim_one(tx, early, worker, 1min).has_value(); }));
    update(legacy, "status = 'running', locked_by = 'old worker', attempts = attempts + 1");
    lapse(early);
    lapse(legacy);
    CHECK(walk({.page_size = 5}).size() == 2);
    CHECK(field(early, "status || ' ' || (run_at <= now())") == "pending true");
}

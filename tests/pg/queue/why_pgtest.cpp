/// @file  Why a job is not running, from real rows.

#include "queue/inspect.hpp"
#include "queue/operations.hpp"
#include "queue/pauses.hpp"
#include "queue/workers.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {
struct Why : QueueFixture {
    std::string why(core::JobId id) {
        const auto facts = pg::autocommit(session, [&](pg::Transaction& tx) { return queue::load_why(tx, id); });
        return facts ? queue::render_why(*facts) : "none";
    }
    void add_worker(std::vector<std::string> kinds, int slots, int running) {
        queue::Worker row;
        row.id = worker;
        row.kinds = std::move(kinds);
        row.slots = slots;
        pg::autocommit(session, [&](pg::Transaction& tx) {
            queue::register_worker(tx, row);
            CHECK(queue::beat(tx, worker, running, queue::WorkerState::kRunning));
        });
    }
    bool says(core::JobId id, std::string_view part) {
        const auto sentence = why(id);
        UNSCOPED_INFO(sentence);
        return sentence.find(part) != std::string::npos;
    }
};
}  // namespace

TEST_CASE_METHOD(Why, "why: the sentence follows what stands in the way") {
    const auto id = insert("", "", "mail-send");
    CHECK(why(core::JobId{}) == "none");
    CHECK(says(id, "No worker is running"));
    add_worker({"noop"}, 4, 0);
    CHECK(says(id, "No worker has the kind mail-send"));
    add_worker({"mail-*"}, 4, 4);
    CHECK(says(id, "busy"));
    add_worker({"mail-*"}, 4, 3);
    CHECK(says(id, "within its poll interval"));
    update(id, "run_at = now() + interval '10 min'");
    CHECK(says(id, "not due until"));
    CHECK(says(id, "(in 10 min)"));
    update(id, "run_at = 'infinity'");
    CHECK(says(id, "not due until infinity"));
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('kind', 'mail-send')");
    CHECK(says(id, "kind mail-send is paused"));
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('all', '')");
    CHECK(says(id, "Everything is paused"));
    database.execute(
        "UPDATE workers SET seen_at = now() - interval '1 h'; DELETE FROM job_pauses; UPDATE jobs SET run_at = now()");
    CHECK(says(id, "No worker is running"));
}

TEST_CASE_METHOD(Why, "why: behind another job in its lane, with how many before it") {
    const auto head = insert("serial_key", "'lane'"), second = insert("serial_key", "'lane'"),
               third = insert("serial_key", "'lane'");
    CHECK(says(second, "nobody holds the lane"));
    (void)queue::sweep_lanes(session, "");
    CHECK(says(third, "behind job " + head.to_string() + " (pending) in its lane lane, with 1 more before it"));
    REQUIRE(claim().size() == 1);
    CHECK(says(second, "behind job " + head.to_string() + " (running)"));
}

TEST_CASE_METHOD(Why, "why: running, to be cancelled, lapsed, tenant paused and final") {
    const auto job = running("tenant_id", "'00000000-0000-0000-0000-00000000000a'");
    CHECK(says(job.id, "running on host-1-abc (attempt 1 of 3)"));
    update(job.id, "cancel_requested_at = now()");
    CHECK(says(job.id, "asked to cancel"));
    lapse(job.id);
    CHECK(says(job.id, "lapsed"));
    update(job.id, "cancel_requested_at = NULL");
    settle(job, core::retry("x", 0ms));
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('tenant', '00000000-0000-0000-0000-00000000000a')");
    CHECK(says(job.id, "tenant 00000000-0000-0000-0000-00000000000a is paused"));
    database.execute("DELETE FROM job_pauses");
    (void)pg::autocommit(session, [&](pg::Transaction& tx) { return queue::cancel_job(tx, job.id); });
    CHECK(says(job.id, "It is final: failed (cancelled)"));
}

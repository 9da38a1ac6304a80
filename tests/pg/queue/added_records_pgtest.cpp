/// @file  Records of several attempts that one statement writes, each under its own guard.

#include "queue/added_records.hpp"
#include "queue/steps.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

struct Absent {};
[[noreturn]] void absent() { throw Absent{}; }

struct Added : QueueFixture {
    core::Job one = running();
    core::Job two = running();

    template <typename Body>
    void in(Body body) {
        pg::in_transaction(session, [&](pg::Transaction& tx) { body(tx); });
    }
    [[nodiscard]] queue::Guard guard(const core::Job& job) const { return {worker, job.key()}; }
    void begin(pg::Transaction& tx, const core::Job& job, const std::string& hash = "h") {
        queue::add_begun_step(tx, guard(job), job.attempt, "call", hash, absent);
    }
    /// As if the lease had been lost and the job claimed by another attempt.
    void lose(const core::Job& job) { update(job.id, "lease_epoch = lease_epoch + 1"); }
    [[nodiscard]] std::string steps(std::string_view expression) {
        return database.value("SELECT string_agg(" + std::string{expression} + ", ',' ORDER BY job_id) FROM job_steps");
    }
};

}  // namespace

TEST_CASE_METHOD(Added, "added records: what is written is what one attempt would have written by itself") {
    in([&](pg::Transaction& tx) {
        for (const auto* job : {&one, &two}) {
            queue::add_hold(tx, guard(*job), absent);
            begin(tx, *job);
        }
        queue::add_recorded_step(tx, guard(two), two.attempt, "context", "c", R"({"n": 1})", absent);
    });
    CHECK(database.value(
              "SELECT count(*) FROM job_steps WHERE status = 'intended' AND name = 'call' AND input_hash = 'h' "
              "AND result IS NULL AND finished_at IS NULL AND attempt = 1 AND lease_epoch = 1") == "2");
    CHECK(database.value(
              "SELECT result || job_id::text FROM (SELECT result->>'n' AS result, job_id FROM job_steps WHERE "
              "name = 'context' AND status = 'done' AND finished_at IS NOT NULL) AS s") == "1" + two.id.to_string());
    in([&](pg::Transaction& tx) {
        queue::add_done_step(tx, guard(one), "call", R"({"said": "a \"b\""})", absent);
        queue::add_completion(tx, guard(one), R"({"text": "x"})", absent);
    });
    CHECK(database.value("SELECT result->>'said' FROM job_steps WHERE name = 'call' AND status = 'done'") == "a \"b\"");
    CHECK(field(one.id, "status || (result->>'text') || (finished_at IS NOT NULL) || (lease_until IS NULL)") ==
          "completedxtruetrue");
    CHECK(status(two.id) == "running");
}

TEST_CASE_METHOD(Added, "added records: a transaction in doubt may be repeated") {
    for (int i = 0; i < 2; ++i) in([&](pg::Transaction& tx) { begin(tx, one); });
    for (int i = 0; i < 2; ++i)
        in([&](pg::Transaction& tx) { queue::add_done_step(tx, guard(one), "call", "1", absent); });
    CHECK(steps("status") == "done");
}

TEST_CASE_METHOD(Added, "added records: a step that is on record is not begun anew") {
    in([&](pg::Transaction& tx) { begin(tx, one); });
    CHECK_THROWS_AS(in([&](pg::Transaction& tx) { begin(tx, one, "another input"); }), Absent);
    in([&](pg::Transaction& tx) { queue::add_done_step(tx, guard(one), "call", "1", absent); });
    CHECK_THROWS_AS(in([&](pg::Transaction& tx) { begin(tx, one); }), Absent);
    CHECK(steps("input_hash || status || result") == "hdone1");
}

TEST_CASE_METHOD(Added, "added records: nothing is kept of a transaction in which one attempt is lost") {
    in([&](pg::Transaction& tx) { begin(tx, one); });
    lose(one);
    const auto with = [&](auto add) {
        CHECK_THROWS_AS(in([&](pg::Transaction& tx) {
                            begin(tx, two);
                            add(tx);
                        }),
                        Absent);
    };
    with([&](pg::Transaction& tx) { queue::add_hold(tx, guard(one), absent); });
    with([&](pg::Transaction& tx) { begin(tx, one); });
    with([&](pg::Transaction& tx) { queue::add_recorded_step(tx, guard(one), 1, "context", "c", "1", absent); });
    with([&](pg::Transaction& tx) { queue::add_done_step(tx, guard(one), "call", "1", absent); });
    with([&](pg::Transaction& tx) { queue::add_completion(tx, guard(one), "1", absent); });
    CHECK(steps("status") == "intended");
    CHECK(status(one.id) == "running");
}

#pragma once
/// @file  A million jobs of every sort, made once for an executable, and the queue's daily work done on them by two
/// sessions: one that made its plans while the table was empty, one that made them when it was full and analysed.

#include <map>

#include "observed_plans.hpp"
#include "queue/enqueue.hpp"
#include "queue/lease.hpp"
#include "queue/operations.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

namespace oiab::tests {

/// In the order of their ids, as producers would have made them. Triggers are off: they would cost minutes.
inline constexpr const char* kLoadBigQueue = R"(
SET LOCAL session_replication_role = replica;
CREATE FUNCTION pg_temp.made(ago interval, n integer) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((date_part('epoch', now() - ago) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid
$$;
-- Finished: 50 000 beyond the retention of a week, 400 000 within.
INSERT INTO jobs (id, kind, status, run_at, created_at, started_at, finished_at, attempts, lease_epoch, locked_by, failure_reason)
SELECT pg_temp.made(ago, n), 'noop', CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'completed' END, at, at, at, at, 1, 1, 'elsewhere',
       CASE WHEN n % 50 = 0 THEN 'error' END
FROM (SELECT n, interval '8 days' - n * interval '1.5 seconds' AS ago, now() - interval '8 days' + n * interval '1.5 seconds' AS at
      FROM generate_series(1, 450000) AS n) AS f;
-- Not due: three priorities of the kind that is handled, one of them more urgent than what is due; and a kind with nothing else.
INSERT INTO jobs (id, kind, priority, run_at)
SELECT pg_temp.made('2 hours', n), CASE WHEN n % 4 = 3 THEN 'later' ELSE 'noop' END, (n % 4 - 1) * 10,
       now() + interval '1 day' + n * interval '1 second'
FROM generate_series(1, 200000) AS n;
-- Due, of kinds that nobody handles.
INSERT INTO jobs (id, kind, run_at)
SELECT pg_temp.made('110 minutes', n), 'other-' || n % 20, now() - interval '100 minutes' FROM generate_series(1, 130000) AS n;
-- Two lanes of 40 000 waiting rows, 4 000 lanes of five; a quarter of those has lost its head.
INSERT INTO jobs (id, kind, run_at, serial_key, lane_seq, lane_ready)
SELECT pg_temp.made('100 minutes', n), 'turn', now() - interval '90 minutes', CASE WHEN n <= 80000 THEN 'long-' || n % 2 ELSE 'lane-' || n % 4000 END,
       nextval('jobs_lane_seq'), false
FROM generate_series(1, 100000) AS n;
INSERT INTO jobs (id, kind, run_at, serial_key, lane_seq, lease_epoch, attempts)
SELECT pg_temp.made('99 minutes', n), 'turn', now() + interval '1 hour', CASE WHEN n < 2 THEN 'long-' || n ELSE 'lane-' || n END, 0, 1, 1
FROM generate_series(0, 3999) AS n WHERE n % 4 <> 3;
-- A paused tenant's.
INSERT INTO job_pauses (scope, name) VALUES ('tenant', '00000000-0000-0000-0000-00000000000a');
INSERT INTO jobs (id, kind, run_at, tenant_id, lane_ready)
SELECT pg_temp.made('80 minutes', n), 'noop', now() - interval '70 minutes', '00000000-0000-0000-0000-00000000000a', false
FROM generate_series(1, 50000) AS n;
-- With a dedupe key, not due.
INSERT INTO jobs (id, kind, run_at, dedupe_key)
SELECT pg_temp.made('60 minutes', n), 'noop', now() + interval '2 days', 'key-' || n FROM generate_series(1, 10000) AS n;
-- Running elsewhere, at the head of the range that is claimed from.
INSERT INTO jobs (id, kind, status, run_at, attempts, lease_epoch, locked_by, locked_at, started_at, lease_until)
SELECT pg_temp.made('50 minutes', n), 'noop', 'running', now() - interval '50 minutes', 1, 1, 'elsewhere', now(), now(), now() + interval '1 hour'
FROM generate_series(1, 200) AS n;
-- Due, of the kinds that are handled.
INSERT INTO jobs (id, kind, priority, run_at)
SELECT pg_temp.made('40 minutes', n), CASE WHEN n % 6 = 5 THEN 'mail' ELSE 'noop' END, CASE WHEN n % 6 = 4 THEN 5 ELSE 0 END,
       now() - interval '40 minutes' + n * interval '1 millisecond'
FROM generate_series(1, 60000) AS n;
-- Steps of jobs that finished.
INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at)
SELECT id, 'step-' || s, 'done', '', 1, 1, now() FROM jobs, generate_series(1, 2) AS s WHERE finished_at < now() - interval '7 days';
)";

/// The plans of each piece of work, by its name.
using PlansOfWork = std::map<std::string, std::vector<ObservedPlan>, std::less<>>;

class BigQueue {
public:
    /// Made on first use, kept until the executable ends.
    static BigQueue& shared() {
        static BigQueue queue;
        return queue;
    }

    /// With plans from the empty table, and with plans from the full one.
    [[nodiscard]] const PlansOfWork& early() const { return early_; }
    [[nodiscard]] const PlansOfWork& late() const { return late_; }
    [[nodiscard]] TestDatabase& database() { return database_; }
    [[nodiscard]] ObservedSession& session() { return late_session_; }

    static std::vector<core::Job> claim(pg::Session& session, int limit, std::vector<std::string> kinds = {"noop"},
                                        std::span<const queue::LowWater> low_water = {}) {
        return pg::autocommit(session, [&](pg::Transaction& tx) {
            return queue::claim(tx,
                                {.worker = kWorker, .kinds = std::move(kinds), .limit = limit, .low_water = low_water});
        });
    }

    static inline const queue::WorkerId kWorker{"guard:1:00000001"};

private:
    BigQueue() {
        // No log, for speed; no vacuum but the one below, so that the plans of the empty table are what they say.
        database_.execute(
            "ALTER TABLE jobs SET UNLOGGED; ALTER TABLE jobs SET (autovacuum_enabled = false);"
            "ALTER TABLE job_steps SET (autovacuum_enabled = false)");
        pqxx::connection maintenance{database_.url()};
        pqxx::nontransaction{maintenance}.exec("VACUUM (ANALYZE) jobs, job_steps");
        (void)work(early_session_);
        database_.execute("DELETE FROM jobs; DELETE FROM job_steps");
        database_.execute(kLoadBigQueue);
        early_ = work(early_session_);
        pqxx::nontransaction{maintenance}.exec("VACUUM (ANALYZE) jobs, job_steps");
        late_ = work(late_session_);
    }

    /// Attempts that this worker holds, and one that nobody knows, so that there is work on an empty table, too.
    static std::vector<core::AttemptKey> keys(pg::Session& session, int count) {
        std::vector<core::AttemptKey> keys;
        for (const auto& job : claim(session, count)) keys.push_back(job.key());
        keys.push_back({*core::JobId::parse("01900000-0000-7000-8000-000000000000"), core::LeaseEpoch{1}});
        return keys;
    }

    static std::vector<queue::Settlement> settlements(const std::vector<core::AttemptKey>& keys, bool mixed) {
        std::vector<queue::Settlement> batch;
        for (const auto& key : keys) {
            const auto place = mixed ? batch.size() % 3 : 2;
            batch.push_back({key,
                             place == 0   ? core::Outcome{core::retry("x", std::chrono::hours{1})}
                             : place == 1 ? core::Outcome{core::failed(core::FailureReason::kError, "x")}
                                          : core::Outcome{core::completed()},
                             false});
        }
        return batch;
    }

    PlansOfWork work(ObservedSession& observed);

    TestDatabase database_;
    ObservedSession early_session_{database_.settings("early")};
    ObservedSession late_session_{database_.settings("late")};
    PlansOfWork early_, late_;
};

inline PlansOfWork BigQueue::work(ObservedSession& observed) {
    PlansOfWork plans;
    auto& session = observed.session();
    const auto watch = [&](const char* name, const std::function<void(pg::Session&)>& body) {
        plans[name] = observed.during(body);
    };
    const auto in_transaction = [&](const char* name, const std::function<void(pg::Transaction&)>& body) {
        watch(name, [&](pg::Session& s) { pg::in_transaction(s, body); });
    };

    std::vector<core::Job> last;
    watch("claim", [&](pg::Session& s) { last = claim(s, 100); });
    std::vector<queue::LowWater> marks;
    if (!last.empty()) marks.push_back({"noop", last.back().priority, last.back().run_at, last.back().id});
    watch("claim with marks", [&](pg::Session& s) { (void)claim(s, 100, {"noop"}, marks); });
    watch("claim for one slot", [&](pg::Session& s) { (void)claim(s, 1); });
    watch("claim of several kinds", [&](pg::Session& s) { (void)claim(s, 100, {"absent", "later", "mail", "noop"}); });
    watch("claim of nothing due", [&](pg::Session& s) { (void)claim(s, 100, {"absent", "later"}); });

    auto held = keys(session, 100);
    in_transaction("renew",
                   [&](pg::Transaction& tx) { (void)queue::renew(tx, kWorker, held, std::chrono::minutes{1}); });
    watch("settle completed", [&](pg::Session& s) { (void)queue::settle(s, kWorker, settlements(held, false)); });
    held = keys(session, 100);
    watch("settle mixed", [&](pg::Session& s) { (void)queue::settle(s, kWorker, settlements(held, true)); });
    held = keys(session, 100);
    watch("settle and delete",
          [&](pg::Session& s) { (void)queue::settle_and_delete(s, kWorker, settlements(held, false)); });
    held = keys(session, 100);
    pg::in_transaction(session, std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                           for (const auto& key : held) (void)queue::complete_in(tx, {kWorker, key}, "");
                       }});
    watch("delete completed", [&](pg::Session& s) { (void)queue::delete_completed(s, kWorker, held); });

    held = keys(session, 10);
    for (const auto& key : held)
        database_.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = $1",
                          pqxx::params{key.id.to_string()});
    watch("rescue", [&](pg::Session& s) { (void)queue::rescue(s, {}, {.kind = "noop", .priority = -1, .id = {}}); });
    watch("rescue where nothing is due",
          [&](pg::Session& s) { (void)queue::rescue(s, {}, {.kind = "later", .id = {}}); });

    in_transaction("purge", [](pg::Transaction& tx) { (void)queue::purge(tx, std::chrono::days{7}, {}); });
    in_transaction("purge of the whole table",
                   [](pg::Transaction& tx) { (void)queue::purge(tx, std::chrono::days{7}, {}, 1'000, true); });

    const std::vector<std::string> kinds{"absent", "later", "mail", "noop"};
    in_transaction("next due", [&](pg::Transaction& tx) { (void)queue::next_due(tx, kinds); });
    in_transaction("ready kinds", [](pg::Transaction& tx) { (void)queue::load_ready_kinds(tx); });

    const std::vector<std::string> lanes{"absent", "lane-2", "lane-7", "lane-11", "long-0", "long-1"};
    watch("advance lanes", [&](pg::Session& s) { (void)queue::advance_lanes(s, lanes); });
    watch("sweep lanes", [](pg::Session& s) { (void)queue::sweep_lanes(s, "", 100); });

    core::NewJob job;
    job.kind = "mail";
    in_transaction("enqueue", [&](pg::Transaction& tx) { (void)queue::enqueue(tx, job); });
    job.dedupe_key = "key-77";
    in_transaction("enqueue a duplicate", [&](pg::Transaction& tx) { (void)queue::enqueue(tx, job); });
    return plans;
}

}  // namespace oiab::tests

/// @file  A worker that owns nothing: what migrations/roles.sql grants is enough for all of the queue's work.

#include "queue/enqueue.hpp"
#include "queue/frontier.hpp"
#include "queue/lease.hpp"
#include "queue/operations.hpp"
#include "queue/pauses.hpp"
#include "queue/rescue.hpp"
#include "queue/snapshot_holders.hpp"
#include "queue/steady_plans.hpp"
#include "queue/steps.hpp"
#include "queue/workers.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

TEST_CASE_METHOD(QueueFixture, "worker role: a member of oiab_worker does everything that the queue asks for") {
    database.execute(
        "DO $$ BEGIN CREATE ROLE oiab_worker NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "DO $$ BEGIN CREATE ROLE queue_test_worker LOGIN IN ROLE oiab_worker; EXCEPTION WHEN duplicate_object THEN "
        "NULL; END $$;"
        "SELECT oiab_admit_worker()");
    auto settings = database.settings();
    settings.url = database.tcp_url("queue_test_worker");
    {
        pg::Session session_of_role{settings};
        queue::SteadyPlans plans;
        auto& as = plans.on(session_of_role);
        const auto tenant = std::string{"00000000-0000-0000-0000-00000000000a"};
        core::NewJob job;
        job.kind = "noop";
        job.serial_key = "lane";
        job.dedupe_key = "key";
        job.tenant_id = core::TenantId::parse(tenant);
        (void)pg::autocommit(as, [&](pg::Transaction& tx) { return queue::enqueue(tx, job); });
        CHECK(queue::sweep_lanes(as, "").advanced == 1);
        pg::autocommit(as, [](pg::Transaction& tx) { queue::write_frontier(tx, {1, 0, core::WallTime{1s}, 0ms}); });
        CHECK(pg::autocommit(as, queue::read_frontier).has_value());
        auto jobs = claim_as(as, worker, 5);
        REQUIRE(jobs.size() == 1);
        const queue::Guard guard{worker, jobs[0].key()};
        pg::in_transaction(as, [&](pg::Transaction& tx) {
            CHECK(queue::begin_step(tx, guard, 1, "s", "h").answer == queue::StepBegin::kFresh);
            CHECK(queue::settle_step(tx, guard, "s", queue::StepStatus::kFailed, "x"));
            CHECK(queue::enqueue_in(tx, guard, job).has_value());
            CHECK(queue::renew(tx, worker, {&guard.key, 1}, 60s)[0].state == queue::RenewState::kRenewed);
            queue::Worker row;
            row.id = worker;
            queue::register_worker(tx, row);
            CHECK(queue::lead(tx, worker, 60s));
        });
        const queue::Settlement failed{jobs[0].key(), core::failed(core::FailureReason::kError, "x")};
        CHECK(queue::settle(as, worker, {&failed, 1})[0].state == queue::SettleState::kFailed);
        CHECK(queue::retry_job(as, jobs[0].id).answer == queue::RetryAnswer::kSuperseded);
        queue::Pause pause;
        pause.scope = queue::PauseScope::kTenant;
        pause.name = tenant;
        CHECK(queue::pause(as, pause));
        CHECK(queue::resume(as, queue::PauseScope::kTenant, tenant));
        CHECK(queue::restore_resumed(as) == 0);
        CHECK(queue::rescue(as, {}, {}).rescued.empty());
        pg::autocommit(as, [&](pg::Transaction& tx) {
            CHECK(queue::cancel_job(tx, jobs[0].id).answer == queue::CancelAnswer::kFinal);
            CHECK(queue::purge(tx, 0s, {}, 10, true).deleted == 1);
            CHECK(queue::purge_orphan_steps(tx, {}).deleted == 0);
            CHECK_NOTHROW(queue::find_snapshot_holders(tx));
        });
    }
    database.execute("DROP OWNED BY oiab_worker; DROP ROLE queue_test_worker; DROP ROLE oiab_worker");
}

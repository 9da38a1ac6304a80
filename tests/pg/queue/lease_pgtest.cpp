/// @file  Renewal, and the guard of what an attempt writes.

#include "queue/enqueue.hpp"
#include "queue/lease.hpp"
#include "queue/operations.hpp"
#include "queue/rescue.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::RenewState;

namespace {
struct Lease : QueueFixture {
    std::vector<queue::Renewal> renew(const std::vector<core::AttemptKey>& keys) {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::renew(tx, worker, keys, 5min); });
    }
    template <typename F>
    auto in_tx(F f) {
        return pg::in_transaction(session, f);
    }
};
}  // namespace

TEST_CASE_METHOD(Lease, "renew: moves the lease of what is ours, tells what is lost, in the order asked") {
    const auto a = running(), lost = running(), b = running();
    lapse(lost.id);
    (void)queue::rescue(session, {}, {});
    const auto renewals = renew({b.key(), lost.key(), a.key(), {core::JobId{}, {}}});
    REQUIRE(renewals.size() == 4);
    CHECK(renewals[0].key == b.key());
    CHECK(renewals[0].state == RenewState::kRenewed);
    CHECK(renewals[1].state == RenewState::kLost);
    CHECK(renewals[2].state == RenewState::kRenewed);
    CHECK(renewals[3].state == RenewState::kLost);
    CHECK(field(a.id, "lease_until > now() + interval '4 min'") == "t");
    CHECK(field(lost.id, "lease_until IS NULL") == "t");
}

TEST_CASE_METHOD(Lease, "renew: a row that a handler's transaction holds stops nobody else and is not lost") {
    const auto held = running(), free = running();
    pg::Session handler{database.settings()};
    pg::in_transaction(handler, [&](pg::Transaction& tx) {
        REQUIRE(queue::hold_attempt(tx, {worker, held.key()}));
        const auto renewals = renew({held.key(), free.key()});
        CHECK(renewals[0].state == RenewState::kHeld);
        CHECK(renewals[1].state == RenewState::kRenewed);
    });
    CHECK(renew({held.key()})[0].state == RenewState::kRenewed);
}

TEST_CASE_METHOD(Lease, "renew: brings the news that somebody wants the job cancelled") {
    const auto job = running();
    CHECK_FALSE(renew({job.key()})[0].cancel_requested);
    CHECK(in_tx([&](pg::Transaction& tx) { return queue::cancel_job(tx, job.id); }).answer ==
          queue::CancelAnswer::kRequested);
    CHECK(renew({job.key()})[0].cancel_requested);
}

TEST_CASE_METHOD(Lease, "guard: a lost attempt can neither hold, report progress, enqueue nor complete") {
    const auto job = running();
    const auto write_all = [&](const core::AttemptKey& key, const queue::WorkerId& as) {
        std::vector<bool> written;
        core::NewJob next;
        next.kind = "next";
        in_tx([&](pg::Transaction& tx) {
            written.push_back(queue::hold_attempt(tx, {as, key}));
            written.push_back(queue::set_progress(tx, {as, key}, R"({"percent": 50})"));
            written.push_back(queue::enqueue_in(tx, {as, key}, next).has_value());
            written.push_back(queue::complete_in(tx, {as, key}, "1"));
            return 0;
        });
        return written;
    };
    const std::vector<bool> none(4, false), all(4, true);
    CHECK(write_all({job.id, {2}}, worker) == none);
    CHECK(write_all(job.key(), {"another"}) == none);
    CHECK(field(job.id, "progress IS NULL") == "t");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE kind = 'next'") == "0");
    CHECK(write_all(job.key(), worker) == all);
    CHECK(field(job.id, "concat_ws(' ', status, progress->>'percent', result)") == "completed 50 1");
    CHECK(write_all(job.key(), worker) == none);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE kind = 'next'") == "1");
}

TEST_CASE_METHOD(Lease, "guard: while a handler's transaction holds the attempt nobody can rescue it") {
    const auto job = running();
    lapse(job.id);
    pg::Session handler{database.settings()};
    pg::in_transaction(handler, [&](pg::Transaction& tx) {
        REQUIRE(queue::hold_attempt(tx, {worker, job.key()}));
        CHECK(queue::rescue(session, {}, {}).rescued.empty());
        CHECK(queue::complete_in(tx, {worker, job.key()}, ""));
    });
    CHECK(status(job.id) == "completed");
    CHECK(queue::rescue(session, {}, {}).rescued.empty());
}

TEST_CASE_METHOD(Lease, "find held: what runs under this worker, nobody else's and nothing that waits or is final") {
    const auto first = running(), second = running(), done = running();
    (void)settle(done, core::completed());
    insert();
    REQUIRE(claim_as(session, {"other"}, 1).size() == 1);
    insert();
    const auto held = in_tx([&](pg::Transaction& tx) { return queue::find_held(tx, worker); });
    CHECK(held == std::vector{first.key(), second.key()});
    CHECK(in_tx([&](pg::Transaction& tx) { return queue::find_held(tx, {"nobody"}); }).empty());
}

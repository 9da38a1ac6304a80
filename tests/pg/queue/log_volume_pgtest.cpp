/// @file  What a job costs in the write-ahead log: of a row that a claim or a settle changes only what it writes, not
/// what the producer put there (docs/decisions/0114-columns-in-the-order-of-change.md).

#include <string>
#include <vector>

#include "observed_plans.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

constexpr int kJobs = 20;
/// Half as much again as they write; the payload alone is a thousand.
constexpr long kBytesAJob = 350;

/// Pages that are written whole, after a checkpoint, are left out.
long bytes_of(const std::vector<ObservedPlan>& plans) {
    REQUIRE(plans.size() == 1);
    constexpr long kPage = 8192;
    return plans[0].wal_bytes() - plans[0].whole_pages() * kPage;
}

}  // namespace

TEST_CASE_METHOD(QueueFixture, "log volume: a claim and a settle do not write the payload again") {
    ObservedSession observed{database.settings()};
    for (int i = 0; i < kJobs; ++i) (void)insert("payload", "jsonb_build_object('text', repeat('x', 1000))");
    std::vector<queue::Settlement> batch;
    const auto claim = observed.during([&](pg::Session& s) {
        for (const auto& job : claim_as(s, worker, kJobs)) batch.push_back({job.key(), core::completed()});
    });
    REQUIRE(batch.size() == kJobs);
    const auto settle = observed.during([&](pg::Session& s) { (void)queue::settle(s, worker, batch); });
    CHECK(bytes_of(claim) < kJobs * kBytesAJob);
    CHECK(bytes_of(settle) < kJobs * kBytesAJob);
}

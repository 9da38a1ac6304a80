/// @file  The queue's daily work among a million jobs: indexes only, and no more of them than the work itself asks for.

#include "big_queue.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

/// What each piece of work may cost: half as much again as it does. A scan of the table would be 60 000 pages, a walk
/// through an index 200 000 entries and more. Claims pass the 200 rows that run elsewhere, and what was finished since
/// the last vacuum; a hundred jobs are claimed, renewed or settled at a time.
const std::map<std::string, PlanBounds, std::less<>> kBounds{
    {"claim", {2'000, 1'800, 100}},
    {"claim with marks", {1'200, 450, 100}},
    {"claim for one slot", {900, 1'900, 2}},
    {"claim of several kinds", {2'000, 1'800, 300}},
    {"claim of nothing due", {15, 0, 1}},
    {"renew", {2'100, 450, 101}},
    {"settle completed", {2'100, 300, 101}},
    {"settle mixed", {1'600, 200, 101}},
    {"settle and delete", {1'400, 300, 101}},
    {"delete completed", {1'400, 300, 101}},
    {"rescue", {500, 1'000, 1'000}},
    {"rescue where nothing is due", {500, 1'000, 1'000}},
    {"purge", {15'000, 7'000, 1'000}},
    {"purge of the whole table", {15'000, 7'000, 1'000}},
    {"next due", {700, 1'200, 0}},
    {"ready kinds", {200, 30, 0}},
    {"advance lanes", {300, 12, 10}},
    {"sweep lanes", {1'300, 60, 30}},
    {"enqueue", {200, 2, 0}},
    {"enqueue a duplicate", {50, 2, 0}},
};

void check_all(const PlansOfWork& work) {
    CHECK(work.size() == kBounds.size());
    for (const auto& [name, plans] : work) {
        REQUIRE_FALSE(plans.empty());
        for (const auto& plan : plans) {
            INFO(name << ": " << plan.document.dump(1));
            CHECK(plan.complaints(kBounds.at(name)) == std::vector<std::string>{});
        }
    }
}

/// What is wrong with any of the statements.
std::vector<std::string> complaints(const std::vector<ObservedPlan>& plans, const PlanBounds& bounds) {
    std::vector<std::string> all;
    for (const auto& plan : plans)
        for (auto& one : plan.complaints(bounds)) all.push_back(std::move(one));
    return all;
}

long pages_of(const std::vector<ObservedPlan>& plans) {
    REQUIRE(plans.size() == 1);
    return plans[0].cost().pages;
}

/// Hides indexes of `jobs` from sessions that begin afterwards, as if they had never been made.
class HiddenIndexes {
public:
    HiddenIndexes(TestDatabase& database, std::string names) : database_{database}, names_{std::move(names)} {
        show(false);
    }
    HiddenIndexes(const HiddenIndexes&) = delete;
    HiddenIndexes& operator=(const HiddenIndexes&) = delete;
    ~HiddenIndexes() { show(true); }

private:
    void show(bool visible) {
        const auto changed =
            database_.execute("UPDATE pg_index SET indisvalid = $1 WHERE indexrelid = ANY ($2::regclass[])",
                              pqxx::params{visible, names_});
        if (changed.affected_rows() == 0) throw std::logic_error{"no index " + names_};
    }

    TestDatabase& database_;
    std::string names_;
};

}  // namespace

TEST_CASE("plan guards: among a million jobs everything is looked up by index, and little of it") {
    check_all(BigQueue::shared().late());
}

TEST_CASE("plan guards: plans that were made on the empty table look up the full one in the same way") {
    check_all(BigQueue::shared().early());
}

TEST_CASE("plan guards: a claim touches as many pages among a million jobs as among two thousand") {
    TestDatabase small;
    small.execute(
        "SET session_replication_role = replica;"
        "INSERT INTO jobs (kind, status, run_at, lease_epoch, locked_by, lease_until) SELECT 'noop', 'running',"
        "  now() - interval '1 hour', 1, 'elsewhere', now() + interval '1 hour' FROM generate_series(1, 200);"
        "INSERT INTO jobs (kind, priority, run_at) SELECT 'noop', n % 5 / 4 * 5, now() - interval '1 minute'"
        "  FROM generate_series(1, 2000) AS n");
    ObservedSession session{small.settings()};
    const auto few = session.during([](pg::Session& s) { CHECK(BigQueue::claim(s, 100).size() == 100); });
    CHECK(pages_of(BigQueue::shared().early().at("claim")) < pages_of(few) * 3 / 2);
}

TEST_CASE("plan guards: a claim with marks does not walk past what was finished under a held snapshot") {
    auto& big = BigQueue::shared();
    pqxx::connection holder{big.database().url()};
    pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{holder};
    (void)snapshot.exec("SELECT count(*) FROM job_pauses");
    auto& observed = big.session();
    core::Job last;
    for (int round = 0; round < 6; ++round) {
        std::vector<queue::Settlement> batch;
        for (auto& job : BigQueue::claim(observed.session(), 1'000)) {
            batch.push_back({job.key(), core::completed(), false});
            last = std::move(job);
        }
        REQUIRE(batch.size() == 1'000);
        (void)queue::settle(observed.session(), BigQueue::kWorker, batch);
    }
    const queue::LowWater mark{"noop", last.priority, last.run_at, last.id};
    const std::vector<std::string> kinds{"noop"};
    const auto next_due = [&](std::span<const queue::LowWater> marks) {
        return pages_of(observed.during([&](pg::Session& s) {
            (void)pg::autocommit(s, [&](pg::Transaction& tx) { return queue::next_due(tx, kinds, marks); });
        }));
    };
    constexpr long kWalk = 6'000 / 16;  // so many rows are on a page
    CHECK(next_due({&mark, 1}) < 60);
    CHECK(next_due({}) > kWalk);
    const auto with =
        observed.during([&](pg::Session& s) { CHECK(BigQueue::claim(s, 1, {"noop"}, {&mark, 1}).size() == 1); });
    const auto without = observed.during([](pg::Session& s) { CHECK(BigQueue::claim(s, 1).size() == 1); });
    CHECK(pages_of(with) < 100);
    CHECK(pages_of(without) > pages_of(with) + kWalk);
    // Once, for the first unfinished row, and not again for the rows that are taken.
    CHECK(pages_of(without) < next_due({}) * 3 / 2);
}

TEST_CASE("plan guards: a purge that was planned while no job had steps does not walk through all steps") {
    auto& big = BigQueue::shared();
    const auto purge = [](pg::Session& s) {
        (void)pg::in_transaction(
            s, [](pg::Transaction& tx) { return queue::purge(tx, std::chrono::days{7}, {}, 100).deleted; });
    };
    big.database().execute("TRUNCATE job_steps; ANALYZE job_steps");
    ObservedSession session{big.database().settings()};
    CHECK(complaints(session.during(purge), kBounds.at("purge")) == std::vector<std::string>{});
    big.database().execute(
        "INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, finished_at)"
        "  SELECT id, 'step', 'done', '', 1, 1, now() FROM jobs WHERE finished_at > now() - interval '1 day'");
    const auto purged = session.during(purge);
    CHECK(complaints(purged, kBounds.at("purge")) == std::vector<std::string>{});
}

TEST_CASE("plan guards: they notice where an index is missing") {
    auto& big = BigQueue::shared();
    core::AttemptKey key{core::JobId{}, core::LeaseEpoch{}};
    for (const auto& job : BigQueue::claim(big.session().session(), 1)) key = job.key();
    {
        const HiddenIndexes hidden{big.database(), "{jobs_ready_idx}"};
        ObservedSession blind{big.database().settings()};
        const auto claim = blind.during([](pg::Session& s) { (void)BigQueue::claim(s, 1); });
        CHECK_FALSE(complaints(claim, kBounds.at("claim")).empty());
        const auto next_due = blind.during([](pg::Session& s) {
            const std::vector<std::string> kinds{"mail"};
            (void)pg::autocommit(s, [&](pg::Transaction& tx) { return queue::next_due(tx, kinds); });
        });
        CHECK_FALSE(complaints(next_due, kBounds.at("next due")).empty());
        const auto rescue =
            blind.during([](pg::Session& s) { (void)queue::rescue(s, {}, {.kind = "noop", .id = {}}); });
        CHECK_FALSE(complaints(rescue, kBounds.at("rescue")).empty());
    }
    {
        const HiddenIndexes hidden{big.database(), "{jobs_pkey}"};
        ObservedSession blind{big.database().settings()};
        const auto renew = blind.during([&](pg::Session& s) {
            pg::in_transaction(s, std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                                   (void)queue::renew(tx, BigQueue::kWorker, {&key, 1}, std::chrono::minutes{1});
                               }});
        });
        CHECK_FALSE(complaints(renew, kBounds.at("renew")).empty());
        const auto settle = blind.during([&](pg::Session& s) {
            const queue::Settlement one{key, core::completed(), false};
            (void)queue::settle(s, BigQueue::kWorker, {&one, 1});
        });
        CHECK_FALSE(complaints(settle, kBounds.at("settle completed")).empty());
        const auto purge = blind.during([](pg::Session& s) {
            (void)pg::in_transaction(
                s, [](pg::Transaction& tx) { return queue::purge(tx, std::chrono::days{7}, {}, 1).deleted; });
        });
        CHECK_FALSE(complaints(purge, kBounds.at("purge")).empty());
    }
    {
        const HiddenIndexes hidden{big.database(), "{jobs_waiting_idx,jobs_lane_head_idx}"};
        ObservedSession blind{big.database().settings()};
        const std::vector<std::string> lanes{"lane-15"};
        const auto advance = blind.during([&](pg::Session& s) { (void)queue::advance_lanes(s, lanes); });
        CHECK_FALSE(complaints(advance, kBounds.at("advance lanes")).empty());
    }
}

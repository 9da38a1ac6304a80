/// @file  How the settler gathers outcomes into batches. A batch is a transaction, so its rows share one finished_at.

#include "runtime/settler.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>

#include "observe/log.hpp"
#include "queue/claim.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// A settler at work on attempts that have been claimed. `rush` says what the executor would.
struct SettlerFixture {
    TestDatabase database;
    observe::Log log = observe::Log::discarding();
    core::SystemClock clock;
    core::SystemRandom random;
    pg::LaneGroup store{"store", 1, database.settings()};
    runtime::AttemptWorld world{{"settler-test"}, store, clock, random, log};
    runtime::AttemptTable attempts;
    std::atomic<bool> rush{true};
    std::unique_ptr<runtime::Settler> settler;

    /// Only a test that hangs would wait for so long: what ends the wait is the rush, or a full batch.
    void start(std::size_t max_batch) {
        settler = std::make_unique<runtime::Settler>(
            database.settings(), runtime::Settler::Settings{.max_batch = max_batch, .gather = 1h}, attempts, world,
            [](std::string) {},
            runtime::Settler::Hooks{.committed = [](bool) {}, .more_soon = [this] { return rush.load(); }});
        settler->start();
    }

    std::vector<runtime::AttemptPtr> claimed(int count) {
        database.execute("INSERT INTO jobs (kind) SELECT 'x' FROM generate_series(1, " + std::to_string(count) + ")");
        pg::Session session{database.settings()};
        auto jobs = pg::autocommit(session, [&](pg::Transaction& tx) {
            return queue::claim(tx, {.worker = world.worker, .kinds = {"x"}, .limit = count});
        });
        std::vector<runtime::AttemptPtr> claimed;
        for (auto& job : jobs)
            claimed.push_back(std::make_shared<runtime::LiveAttempt>(std::move(job), nullptr, world, clock.now()));
        attempts.add(claimed);
        return claimed;
    }

    void stop() {
        CHECK(settler->flush(core::Deadline::after(30s)) == 0);
        settler->request_stop();
        settler->join();
    }
    [[nodiscard]] std::string batches() {
        return database.value(
            "SELECT string_agg(n::text, ' ' ORDER BY at) FROM (SELECT finished_at AS at, count(*) AS n FROM jobs "
            "WHERE status = 'completed' GROUP BY 1) b");
    }
};

}  // namespace

TEST_CASE_METHOD(SettlerFixture, "settler: outcomes of handlers in a rush are written together, with the last one") {
    auto finished = claimed(5);
    REQUIRE(finished.size() == 5);
    start(1'000);
    for (std::size_t i = 0; i < 4; ++i) settler->settle(finished[i], core::completed());
    rush = false;
    settler->settle(finished[4], core::completed());
    stop();
    CHECK(batches() == "5");
    CHECK(attempts.empty());
}

TEST_CASE_METHOD(SettlerFixture, "settler: a full batch does not wait for the end of the rush") {
    auto finished = claimed(6);
    REQUIRE(finished.size() == 6);
    start(3);
    for (const auto& attempt : finished) settler->settle(attempt, core::completed());
    CHECK(settler->flush(core::Deadline::after(30s)) == 0);
    CHECK(batches() == "3 3");
    stop();
}

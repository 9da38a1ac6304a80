/// @file  Settling what the server refuses: the one row that is to blame fails, and nobody else; what is not a row's
/// fault fails nobody.

#include <catch2/generators/catch_generators.hpp>

#include "pg/database_error.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::SettleState;

namespace {
struct Refused : QueueFixture {
    /// An operator's own trigger: refuses to update or delete the rows for which `when` holds.
    void refuse(const std::string& when, const std::string& sqlstate = "P0001", const std::string& event = "UPDATE") {
        database.execute(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
            "EXCEPTION 'not like this' USING ERRCODE = '" +
            sqlstate + "'; END $$; CREATE OR REPLACE TRIGGER refuse BEFORE " + event + " ON jobs FOR EACH ROW WHEN (" +
            when + ") EXECUTE FUNCTION refuse()");
    }
    /// Seven running jobs; the one at 4 has priority 7.
    std::vector<core::Job> seven() {
        std::vector<core::Job> jobs;
        for (int i = 0; i < 7; ++i) jobs.push_back(running("priority", i == 4 ? "7" : "0"));
        return jobs;
    }
    static std::vector<queue::Settlement> settlements(const std::vector<core::Job>& jobs,
                                                      const core::Outcome& outcome) {
        std::vector<queue::Settlement> batch;
        for (const auto& job : jobs) batch.push_back({job.key(), outcome});
        return batch;
    }
    void check_only_fourth_failed(const std::vector<queue::Settled>& settled, const std::string& sqlstate) {
        REQUIRE(settled.size() == 7);
        for (std::size_t i = 0; i < 7; ++i) {
            INFO("row " << i);
            CHECK(settled[i].state == (i == 4 ? SettleState::kFailed : SettleState::kCompleted));
        }
        CHECK(settled[4].reason == core::FailureReason::kError);
        CHECK(settled[4].error == "the server refused to store the outcome (SQLSTATE " + sqlstate + ")");
        CHECK(
            database.value("SELECT string_agg(priority || ' ' || last_error, ',') FROM jobs WHERE status = 'failed'") ==
            "7 " + settled[4].error);
        CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "0");
    }
};
}  // namespace

// PostgreSQL 15 refuses some 13 000 levels, 17 takes more.
constexpr std::size_t kDeep = 300'000;

TEST_CASE_METHOD(Refused, "settle refused: a result nested too deep for the server fails alone") {
    const auto jobs = seven();
    auto batch = settlements(jobs, core::completed("1"));
    batch[4].outcome = core::completed(std::string(kDeep, '[') + std::string(kDeep, ']'));
    check_only_fourth_failed(queue::settle(session, worker, batch), "54001");
}

TEST_CASE_METHOD(Refused, "settle refused: a row that an operator's own trigger refuses fails alone") {
    const auto* outcome = GENERATE("", "1");
    const auto jobs = seven();
    refuse("NEW.status = 'completed' AND NEW.priority = 7");
    check_only_fourth_failed(queue::settle(session, worker, settlements(jobs, core::completed(outcome))), "P0001");
}

TEST_CASE_METHOD(Refused, "settle refused: a row that a foreign key keeps from being deleted fails alone") {
    const auto jobs = seven();
    database.execute("CREATE TABLE receipts (job uuid REFERENCES jobs)");
    database.execute("INSERT INTO receipts SELECT id FROM jobs WHERE priority = 7");
    check_only_fourth_failed(queue::settle_and_delete(session, worker, settlements(jobs, core::completed())), "23503");
    CHECK(database.value("SELECT count(*) FROM jobs") == "1");
}

TEST_CASE_METHOD(Refused, "settle refused: a row with a dedupe key that may not go back to pending fails alone") {
    const auto refused = running("dedupe_key, priority", "'a', 7"), free = running("dedupe_key", "'b'");
    refuse("NEW.status = 'pending' AND NEW.priority = 7");
    const std::vector<queue::Settlement> batch{{refused.key(), core::retry("x", 1s)},
                                               {free.key(), core::retry("x", 1s)}};
    const auto settled = queue::settle(session, worker, batch);
    CHECK(settled[0].state == SettleState::kFailed);
    CHECK(settled[0].error == "the server refused to store the outcome (SQLSTATE P0001)");
    CHECK(settled[1].state == SettleState::kPending);
}

TEST_CASE_METHOD(Refused, "settle refused: what is not a row's fault is thrown and fails no job") {
    const auto job = running(), with_result = running(), keyed = running("dedupe_key", "'k'");
    const std::vector<queue::Settlement> batch{
        {job.key(), core::completed()}, {with_result.key(), core::completed("1")}, {keyed.key(), core::retry("x", 1s)}};
    // No privilege, no such table, read-only, disk full, I/O error, internal error, shut down.
    for (const auto* sqlstate : {"42501", "42P01", "25006", "53100", "58030", "XX000", "57P01"}) {
        INFO(sqlstate);
        refuse("NEW.status <> 'running'", sqlstate);
        for (const auto& one : batch) CHECK_THROWS_AS(queue::settle(session, worker, {&one, 1}), pg::DatabaseError);
        CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "3");
    }
    database.execute("DROP TRIGGER refuse ON jobs");
    for (const auto& settled : queue::settle(session, worker, batch)) CHECK(settled.state != SettleState::kFailed);
}

TEST_CASE_METHOD(Refused, "settle refused: where even the failure is refused the trouble is thrown") {
    const auto job = running();
    refuse("NEW.status <> 'running'");
    CHECK_THROWS_AS(settle(job, core::completed()), pg::DatabaseError);
    CHECK_THROWS_AS(settle(job, core::completed("1")), pg::DatabaseError);
    CHECK(status(job.id) == "running");
}

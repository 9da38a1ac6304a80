/// @file  How producers wake workers: once a transaction, as its last act, and without a lost wake-up.

#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

constexpr const char* kInsert = "INSERT INTO jobs (kind) VALUES ('noop')";
/// What a producer does at its commit, done now.
constexpr const char* kDecide = "SET CONSTRAINTS ALL IMMEDIATE";

struct WakeUp : QueueFixture {
    pqxx::connection listener{database.url()};
    pqxx::connection one{database.url()}, two{database.url()};
    int heard = 0;

    WakeUp() {
        listener.listen("oiab_jobs", [this](const pqxx::notification&) { ++heard; });
        listener.listen("oiab_lanes", [this](const pqxx::notification&) { heard += 100; });
    }
    /// Since the last call; those of lanes count for a hundred.
    int hear() {
        heard = 0;
        pqxx::nontransaction{listener}.exec("SELECT 1");
        listener.get_notifs();
        return heard;
    }
    bool committing() {
        return pg::autocommit(session, [](pg::Transaction& tx) { return queue::producers_are_committing(tx); });
    }
};

}  // namespace

TEST_CASE_METHOD(WakeUp, "wake-up: a transaction notifies oiab_jobs once, whatever it inserts") {
    database.execute("INSERT INTO jobs (kind) SELECT 'noop' FROM generate_series(1, 100)");
    CHECK(hear() == 1);
    pqxx::work tx{one};
    for (int n = 0; n < 3; ++n) tx.exec(kInsert).no_rows();
    CHECK(hear() == 0);
    tx.commit();
    CHECK(hear() == 1);
    pqxx::nontransaction{one}.exec(kInsert).no_rows();
    CHECK(hear() == 1);
    pqxx::nontransaction{one}.exec("INSERT INTO jobs (kind, serial_key) VALUES ('noop', 'lane')").no_rows();
    CHECK(hear() == 101);
}

TEST_CASE_METHOD(WakeUp, "wake-up: a producer that stays open, or fails, keeps nobody else from notifying") {
    pqxx::work first{one}, second{two};
    first.exec(kInsert).no_rows();
    second.exec(kInsert).no_rows();
    second.commit();
    CHECK(hear() == 1);
    SECTION("it commits") {
        first.commit();
        CHECK(hear() == 1);
    }
    SECTION("it fails") {
        first.abort();
        CHECK(hear() == 0);
    }
}

TEST_CASE_METHOD(WakeUp, "wake-up: a savepoint that is rolled back takes its own wake-up with it and no other") {
    pqxx::work tx{one};
    tx.exec("SAVEPOINT s").no_rows();
    tx.exec(kInsert).no_rows();
    tx.exec("ROLLBACK TO s").no_rows();
    SECTION("nothing else is inserted") {
        tx.commit();
        CHECK(hear() == 0);
    }
    SECTION("something is inserted afterwards") {
        tx.exec(kInsert).no_rows();
        tx.commit();
        CHECK(hear() == 1);
    }
}

TEST_CASE_METHOD(WakeUp,
                 "wake-up: of producers that commit at once one notifies, and a worker sees that there are others") {
    pqxx::work first{one}, second{two};
    first.exec(kInsert).no_rows();
    first.exec(kDecide).no_rows();
    second.exec(kInsert).no_rows();
    second.exec(kDecide).no_rows();
    CHECK(committing());
    first.commit();
    CHECK(hear() == 1);
    CHECK(committing());
    second.commit();
    CHECK(hear() == 0);
    CHECK_FALSE(committing());
}

TEST_CASE_METHOD(WakeUp, "wake-up: a producer that no worker could see notifies for itself") {
    // A session that stands in for both: somebody who is about to notify, and a worker that asks.
    pqxx::nontransaction asking{two};
    REQUIRE(asking.query_value<bool>("SELECT pg_try_advisory_lock(7236001) AND pg_try_advisory_lock(7236003)"));
    pqxx::nontransaction{one}.exec(kInsert).no_rows();
    CHECK(hear() == 1);
    asking.exec("SELECT pg_advisory_unlock(7236003)").one_row();
    CHECK_FALSE(committing());
    pqxx::nontransaction{one}.exec(kInsert).no_rows();
    CHECK(hear() == 0);
}

TEST_CASE_METHOD(WakeUp, "wake-up: a session that sets oiabd.notify to off enqueues in silence") {
    pqxx::nontransaction quiet{one};
    quiet.exec("SET oiabd.notify = off").no_rows();
    quiet.exec(kInsert).no_rows();
    quiet.exec("INSERT INTO jobs (kind, serial_key) VALUES ('noop', 'lane')").no_rows();
    CHECK(hear() == 0);
    quiet.exec("SET oiabd.notify = on").no_rows();
    quiet.exec(kInsert).no_rows();
    CHECK(hear() == 1);
    CHECK(database.value("SELECT count(*) FROM jobs") == "3");
    // What was enqueued in silence is found by the sweep and the claim like anything else.
    (void)queue::sweep_lanes(session, "");
    CHECK(claim().size() == 3);
}

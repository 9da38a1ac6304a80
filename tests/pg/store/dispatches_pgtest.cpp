/// @file  The database's own part of a dispatch, without an engine.

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "pg/transaction.hpp"
#include "store/dispatches.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

/// A dispatch that executes, with no worker about.
struct IdleDispatch {
    TestDatabase database;
    pg::Session session{database.settings()};
    store::NewDispatch dispatch;

    explicit IdleDispatch(std::size_t members) {
        dispatch.id = {*core::Uuid::parse("00000000-0000-7000-8000-00000000000a")};
        dispatch.user_id =
            *core::UserId::parse(database.value("INSERT INTO users (handle) VALUES ('ada') RETURNING id"));
        dispatch.parent_session_id = "s1";
        dispatch.job_id = {dispatch.id.value};
        dispatch.mode = "team_single_vm";
        dispatch.rationale = "why";
        dispatch.members.assign(members, {"build", "look"});
        pg::in_transaction(session, [&](pg::Transaction& tx) { REQUIRE(store::insert_dispatch(tx, dispatch)); });
    }
    void begin(int member) {
        pg::in_transaction(session,
                           [&](pg::Transaction& tx) { REQUIRE(store::begin_member(tx, dispatch.id, member, "s")); });
    }
    void complete(int member) {
        begin(member);
        pg::in_transaction(
            session, [&](pg::Transaction& tx) { REQUIRE(store::complete_member(tx, dispatch.id, member, "done")); });
    }
    std::string status() { return database.value("SELECT status FROM dispatches"); }
    std::string syntheses() { return database.value("SELECT count(*) FROM jobs WHERE kind = 'dispatch-synthesize'"); }
};

}  // namespace

TEST_CASE("dispatches: one of the same id is made once") {
    IdleDispatch idle{2};
    pg::in_transaction(idle.session,
                       [&](pg::Transaction& tx) { CHECK_FALSE(store::insert_dispatch(tx, idle.dispatch)); });
    CHECK(idle.database.value("SELECT count(*) FROM jobs WHERE kind = 'dispatch-execute'") == "2");
    CHECK(
        idle.database.value("SELECT count(*) FROM dispatch_members m JOIN jobs j ON j.id = m.job_id WHERE j.payload = "
                            "jsonb_build_object('dispatchId', m.dispatch_id, 'member', m.member)") == "2");
}

TEST_CASE("dispatches: two members that finish at the same instant enqueue one synthesis") {
    IdleDispatch idle{2};
    idle.begin(0);
    idle.begin(1);
    // The first completion has done its work and not yet committed when the second one begins.
    std::thread second;
    pg::in_transaction(idle.session, [&](pg::Transaction& tx) {
        REQUIRE(store::complete_member(tx, idle.dispatch.id, 0, "left"));
        second = std::thread{[&] {
            pg::Session other{idle.database.settings()};
            pg::in_transaction(other, [&](pg::Transaction& tx2) {
                if (!store::complete_member(tx2, idle.dispatch.id, 1, "right")) throw std::logic_error{"not completed"};
            });
        }};
        eventually(
            std::chrono::seconds{20},
            [&] {
                return idle.database.value(
                           "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                           "wait_event_type = 'Lock'") == "1";
            },
            "the second completion waits for the first");
    });
    second.join();
    CHECK(idle.syntheses() == "1");
    CHECK(idle.status() == "synthesizing");
    CHECK(idle.database.value("SELECT j.serial_key FROM dispatches d JOIN jobs j ON j.id = d.synthesize_job_id") ==
          "session:s1");
}

TEST_CASE("dispatches: whatever ends a member's job, the dispatch learns of it") {
    IdleDispatch idle{2};
    auto& db = idle.database;
    std::string why;
    SECTION("a lapsed lease") {
        db.execute(
            "UPDATE jobs SET status = 'failed', failure_reason = 'crashed', last_error = 'its worker died', "
            "finished_at = now() WHERE payload ->> 'member' = '0'");
        why = "its worker died";
    }
    SECTION("a cancellation") {
        db.execute(
            "UPDATE jobs SET status = 'failed', failure_reason = 'cancelled', finished_at = now() "
            "WHERE payload ->> 'member' = '0'");
        why = "it was cancelled";
    }
    SECTION("a deleted row") {
        db.execute("DELETE FROM jobs WHERE payload ->> 'member' = '0'");
        why = "its job was deleted";
    }
    CHECK(db.value("SELECT status || ': ' || error FROM dispatch_members WHERE member = 0") == "failed: " + why);
    CHECK(idle.status() == "executing");
    idle.complete(1);
    CHECK(idle.status() == "synthesizing");
    CHECK(idle.syntheses() == "1");
    CHECK(db.value("SELECT error FROM dispatches") == "member 0: " + why);
}

TEST_CASE("dispatches: the last member to end may be the one that fails") {
    IdleDispatch idle{2};
    idle.complete(0);
    idle.database.execute("DELETE FROM jobs WHERE payload ->> 'member' = '1'");
    CHECK(idle.status() == "synthesizing");
    CHECK(idle.syntheses() == "1");
}

TEST_CASE("dispatches: members that all fail in one statement fail the dispatch once") {
    IdleDispatch idle{3};
    idle.database.execute("UPDATE jobs SET status = 'failed', last_error = 'gone', finished_at = now()");
    CHECK(idle.status() == "failed");
    CHECK(idle.database.value("SELECT error FROM dispatches") == "member 0: gone\nmember 1: gone\nmember 2: gone");
    CHECK(idle.syntheses() == "0");
}

TEST_CASE("dispatches: a lost synthesis fails the dispatch") {
    IdleDispatch idle{1};
    idle.complete(0);
    idle.database.execute("DELETE FROM jobs WHERE kind = 'dispatch-synthesize'");
    CHECK(idle.database.value("SELECT status || ': ' || error FROM dispatches") == "failed: its job was deleted");
}

TEST_CASE("dispatches: what was cancelled takes no result any more") {
    IdleDispatch idle{2};
    idle.begin(0);
    CHECK(idle.database.value("SELECT cancel_dispatch(id) FROM dispatches") == "t");
    pg::in_transaction(idle.session, [&](pg::Transaction& tx) {
        CHECK_FALSE(store::complete_member(tx, idle.dispatch.id, 0, "late"));
        CHECK_FALSE(store::begin_member(tx, idle.dispatch.id, 1, "s"));
        CHECK_FALSE(store::complete_dispatch(tx, idle.dispatch.id, "late"));
    });
    CHECK(idle.database.value("SELECT string_agg(DISTINCT failure_reason, ',') FROM jobs") == "cancelled");
}

/// @file  What several turns add to one transaction, against what each would have written by itself.

#include <catch2/catch_test_macros.hpp>

#include "pg/database_error.hpp"
#include "store/additions.hpp"
#include "store/sessions.hpp"
#include "store/stream.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

struct Additions : World {
    Additions() {
        for (const auto* name : {"s1", "s2"}) {
            store::NewSession session;
            session.session_id = name;
            session.user_id = alice;
            session.tenant_id = contoso;
            in([&](pg::Transaction& tx) { return store::ensure_session(tx, session); });
        }
    }
    static store::NewMessage message(core::JobId of, const std::string& step, const std::string& content) {
        store::NewMessage made;
        made.job_id = of;
        made.step = step;
        made.role = "user";
        made.content = content;
        return made;
    }
    [[nodiscard]] std::string messages() {
        return database.value(
            "SELECT string_agg(session_id || seq || content, ' ' ORDER BY session_id, seq) FROM "
            "session_messages");
    }
    void add(const std::string& session, std::vector<store::NewMessage> list) {
        in([&](pg::Transaction& tx) { store::add_messages(tx, session, list); });
    }
};

}  // namespace

TEST_CASE_METHOD(Additions, "additions: messages are numbered on in each session, each once") {
    add("s1", {message(job, "prompt", "a")});
    in([&](pg::Transaction& tx) {
        store::add_messages(tx, "s2", std::vector{message(other_job, "prompt", "x\0y")});
        store::add_messages(tx, "s1", std::vector{message(job, "prompt", "a"), message(job, "model-1", "b")});
        store::add_messages(tx, "s2", std::vector{message(other_job, "model-1", "z")});
        store::add_messages(tx, "s1", std::vector{message(job, "model-2", "c")});
    });
    CHECK(messages() == "s11a s12b s13c s21x s22z");
    CHECK(database.value("SELECT count(*) FROM sessions_index WHERE last_message_at IS NOT NULL") == "2");
}

TEST_CASE_METHOD(Additions, "additions: messages for a session that is gone take the transaction back") {
    try {
        in([&](pg::Transaction& tx) {
            store::add_messages(tx, "s1", std::vector{message(job, "prompt", "a")});
            store::add_messages(tx, "gone", std::vector{message(other_job, "prompt", "b")});
        });
        FAIL("it was written");
    } catch (const pg::DatabaseError& error) {
        CHECK(error.sqlstate() == "23503");
        CHECK(error.trouble() == pg::Trouble::kRefused);
    }
    CHECK(messages() == "NULL");
}

TEST_CASE_METHOD(Additions, "additions: the rest of what a turn leaves is kept as by itself") {
    store::AuditEntry entry;
    entry.entry_key = "k";
    entry.tenant_id = contoso;
    entry.actor = "agent:s1";
    entry.action = "agent.complete";
    entry.payload = R"({"n": 1})";
    store::NewTrajectory trajectory;
    trajectory.job_id = job;
    trajectory.tenant_id = contoso;
    trajectory.user_id = alice;
    trajectory.session_id = "s1";
    trajectory.tools = R"([{"tool": "t"}])";
    trajectory.tools_hash = "h";
    trajectory.outcome = "success";
    store::UsageEvent event;
    event.request_id = "r";
    event.tenant_id = contoso;
    event.user_id = alice;
    event.job_id = job;
    event.input_tokens = 7;
    for (int i = 0; i < 2; ++i) {
        in([&](pg::Transaction& tx) {
            store::add_audit(tx, entry);
            store::add_trajectory(tx, trajectory);
            store::add_usage(tx, event);
            store::add_stream(tx, "s1", job, 0, i == 0 ? "first" : "again");
            store::add_stream(tx, "s1", job, 5, "more");
        });
    }
    CHECK(database.value(
              "SELECT string_agg(actor || action || (payload->>'n'), ' ') FROM audit_log WHERE entry_key = 'k'") ==
          "agent:s1agent.complete1");
    CHECK(database.value("SELECT string_agg(session_id || tools_hash || outcome || (tools->0->>'tool'), ' ') FROM "
                         "trajectories") == "s1hsuccesst");
    CHECK(database.value("SELECT string_agg(request_id || input_tokens, ' ') FROM usage_events") == "r7");
    CHECK(database.value("SELECT string_agg(position || delta, ' ' ORDER BY position) FROM session_stream") ==
          "0again 5more");
}

TEST_CASE_METHOD(
    Additions,
    "additions: a reservation is seen by whoever asks next in the transaction, and released by its attempt") {
    store::Reservation one;
    one.request_id = "r1";
    one.attempt = {job, core::LeaseEpoch{1}};
    one.tenant_id = contoso;
    one.user_id = alice;
    one.purpose = "chat";
    one.estimate_usd = 0.25;
    one.reserved_usd = 0.5;
    auto two = one;
    two.request_id = "r2";
    in([&](pg::Transaction& tx) {
        store::add_reservation(tx, one);
        store::add_reservation(tx, two);
        CHECK(store::load_spending(tx, alice, std::nullopt, std::nullopt, "r3").user_open == 1.0);
        store::add_release(tx, "r1", core::LeaseEpoch{2});
        store::add_release(tx, "r2", core::LeaseEpoch{1});
        CHECK(store::load_spending(tx, alice, std::nullopt, std::nullopt, "r3").user_open == 0.5);
    });
    CHECK(database.value("SELECT string_agg(request_id, ' ') FROM usage_reservations") == "r1");
}

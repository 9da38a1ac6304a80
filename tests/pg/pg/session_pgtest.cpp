/// @file  A session under a server that hangs, and what becomes of its errors.

#include <catch2/catch_test_macros.hpp>
#include <future>

#include "pg/transaction.hpp"
#include "silent_server.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {
/// What running the statement came to; nullopt for success.
std::optional<pg::Trouble> trouble_of(pg::Session& session, const std::string& statement) {
    try {
        pg::in_transaction(session, [&](pg::Transaction& tx) { return tx.raw().exec(statement).size(); });
        return std::nullopt;
    } catch (const pg::DatabaseError& error) {
        return error.trouble();
    }
}

std::future<std::optional<pg::Trouble>> in_background(pg::Session& session, const std::string& statement) {
    return std::async(std::launch::async, [&session, statement] { return trouble_of(session, statement); });
}
}  // namespace

TEST_CASE("session: a statement that overstays is cut, and the next one has a new connection") {
    TestDatabase database;
    auto settings = database.settings("sleeper");
    settings.statement_timeout = 1h;
    pg::Session session{settings};
    auto sleeping = in_background(session, "SELECT pg_sleep(600)");
    eventually(
        10s,
        [&] {
            return database.value(
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sleeper' AND query "
                       "LIKE '%pg_sleep%' AND state = 'active'") == "1";
        },
        "the statement runs");
    CHECK_FALSE(session.cut_if_overstaying(1h));
    CHECK(session.cut_if_overstaying(0ms));
    CHECK(sleeping.get() == pg::Trouble::kReconnect);
    CHECK_FALSE(trouble_of(session, "SELECT 1"));
    CHECK_FALSE(session.cut_if_overstaying(0ms));
}

TEST_CASE("session: a first statement that the server does not answer can be cut, too") {
    SilentServer server;
    pg::Session session{{.url = server.url(), .application_name = "test"}};
    auto connecting = in_background(session, "SELECT 1");
    eventually(10s, [&] { return server.was_asked(); }, "the first statement is under way");
    CHECK_FALSE(session.cut_if_overstaying(1h));
    CHECK(session.cut_if_overstaying(0ms));
    CHECK(connecting.wait_for(10s) == std::future_status::ready);
    server.hang_up();
    CHECK(connecting.get() == pg::Trouble::kReconnect);
    CHECK_FALSE(session.is_connected());
}

TEST_CASE("session: once it is cut for good nothing waits for the server any more") {
    SilentServer server;
    pg::Session session{{.url = server.url(), .application_name = "test"}};
    session.cut_for_good();
    auto connecting = in_background(session, "SELECT 1");
    CHECK(connecting.wait_for(10s) == std::future_status::ready);
    server.hang_up();
    CHECK(connecting.get() == pg::Trouble::kReconnect);
}

TEST_CASE("session: neither a full disk nor an I/O error nor a confused server counts as a refusal") {
    TestDatabase database;
    pg::Session session{database.settings()};
    const auto trouble_with = [&](const std::string& sqlstate) {
        return trouble_of(session, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '" + sqlstate + "'; END $$");
    };
    for (const auto* sqlstate : {"53100", "53200", "58030", "XX000", "XX002", "40001", "55P03", "57014"}) {
        INFO(sqlstate);
        CHECK(trouble_with(sqlstate) == pg::Trouble::kRetry);
    }
    for (const auto* sqlstate : {"22P02", "23505", "42P01", "54001", "P0001"}) {
        INFO(sqlstate);
        CHECK(trouble_with(sqlstate) == pg::Trouble::kRefused);
    }
}

/// @file  The leader's cron: planning, firing once, what is missed, what is edited, what cannot fire.

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "trigger_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

TEST_CASE("triggers: a new trigger is planned in its time zone and fires its job") {
    Triggers triggers;
    const auto id = triggers.add("30 4 * * *", "Asia/Kathmandu");
    triggers.wait_for(id, "next_fire_at > now() AND next_fire_at <= now() + interval '25 hours'");
    CHECK(triggers.column(id, "(next_fire_at AT TIME ZONE 'Asia/Kathmandu')::time") == "04:30:00");
    CHECK(triggers.fired() == "0");

    triggers.set(id, "next_fire_at = now()");
    triggers.wait_for(id, "last_job_id IS NOT NULL");
    CHECK(triggers.fired() == "1");
    const auto job = triggers.column(id, "last_job_id");
    CHECK(triggers.job(job, "kind") == "report");
    CHECK(triggers.job(job, "tenant_id") == triggers.tenant);
    CHECK(triggers.job(job, "user_id") == triggers.user);
    CHECK(nlohmann::json::parse(triggers.job(job, "payload")) ==
          nlohmann::json{{"size", 3}, {"trigger", {{"id", id}, {"name", "morning"}}}});
    CHECK(triggers.column(id, "last_fired_at IS NOT NULL AND last_error IS NULL AND next_fire_at > now()") == "t");
    CHECK(triggers.database.value("SELECT string_agg(action, ',') FROM audit_log") == "agent.trigger_fire");
}

TEST_CASE("triggers: a firing that nobody announces is on time, long before the next poll") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.wait_for(id, "next_fire_at IS NOT NULL");
    triggers.set(id, "next_fire_at = now() + interval '2 seconds'");
    // The leader looks once a minute where nothing tells it more.
    eventually(30s, [&] { return triggers.fired() == "1"; }, "it has fired");
    CHECK(triggers.database.value("SELECT (payload ->> 'scheduledAt')::timestamptz <= created_at FROM jobs "
                                  "WHERE kind = 'trigger-fire'") == "t");
}

TEST_CASE("triggers: missed firings are one") {
    Triggers triggers;
    const auto id = triggers.add("* * * * *");
    triggers.set(id, "next_fire_at = now() - interval '3 days'");
    triggers.wait_for(id, "last_fired_at IS NOT NULL");
    CHECK(triggers.column(id, "next_fire_at > now() AND next_fire_at <= now() + interval '1 minute'") == "t");
    CHECK(triggers.fired() == "1");
    CHECK(triggers.database.value("SELECT count(*) FROM jobs WHERE kind = 'trigger-fire'") == "1");
}

TEST_CASE("triggers: two leaders enqueue each firing once") {
    Triggers triggers;
    triggers.database.execute(
        "INSERT INTO triggers (cron_expression, next_fire_at) SELECT '0 0 1 1 *', now() - n * interval '1 second' "
        "FROM generate_series(1, 500) AS n");
    {
        std::vector<std::jthread> leaders;
        for (int i = 0; i < 4; ++i) leaders.emplace_back([&] { (void)triggers.look(); });
    }
    // What one of them was writing, the others have left to it.
    CHECK(triggers.database.value("SELECT count(*) || '/' || count(DISTINCT payload ->> 'triggerId') FROM jobs") ==
          "500/500");
    CHECK(triggers.look() == std::nullopt);
}

TEST_CASE("triggers: two jobs of one firing fire once") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.set(id, "next_fire_at = date_trunc('second', now() - interval '1 minute')");
    // As of two leaders that disagree: neither marks the row for the other.
    triggers.database.execute(
        "UPDATE triggers SET enqueued_for = next_fire_at;"
        "INSERT INTO jobs (kind, payload) SELECT 'trigger-fire', jsonb_build_object('triggerId', id, 'scheduledAt', "
        "to_char(next_fire_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SSZ')) FROM triggers, generate_series(1, 8)");
    triggers.start();
    eventually(
        60s,
        [&] {
            return triggers.database.value(
                       "SELECT count(*) FROM jobs WHERE kind = 'trigger-fire' AND status = "
                       "'completed'") == "8";
        },
        "all eight are done");
    CHECK(triggers.fired() == "1");
    CHECK(triggers.database.value("SELECT count(*) FROM jobs WHERE result ->> 'fired' = 'true'") == "1");
}

TEST_CASE("triggers: what cannot fire is stopped with its reason until it is edited") {
    Triggers triggers;
    const auto fault = [&](const std::string& id) {
        triggers.wait_for(id, "stopped_at IS NOT NULL AND next_fire_at IS NULL");
        return triggers.column(id, "last_error");
    };
    const auto expression = triggers.add("61 * * * *");
    CHECK(fault(expression) == "minute \"61\" must be 0 to 59");
    CHECK(fault(triggers.add("* * * * *", "Europe/Atlantis")) ==
          "there is no time zone \"Europe/Atlantis\" in this system's tz database");
    CHECK(fault(triggers.add("0 0 30 2 *")) == "the cron expression never fires: no day of the calendar fits");
    CHECK(triggers.database.value("SELECT count(*) FROM audit_log WHERE action = 'agent.trigger_stop'") == "3");
    CHECK(triggers.database.value("SELECT payload ->> 'error' FROM audit_log WHERE target = 'trigger:" + expression +
                                  "'") == "minute \"61\" must be 0 to 59");

    triggers.set(expression, "cron_expression = '6 * * * *'");
    triggers.wait_for(expression, "stopped_at IS NULL AND last_error IS NULL AND next_fire_at > now()");
    CHECK(triggers.fired() == "0");
}

TEST_CASE("triggers: an expression that broke under a due firing stops it without a job") {
    Triggers triggers;
    const auto id = triggers.add("* * * * *", "Europe/Berlin");
    // As where a release of the tz database has lost a zone since the firing was planned.
    triggers.database.execute("ALTER TABLE triggers DISABLE TRIGGER triggers_edited");
    triggers.set(id, "time_zone = 'Europe/Atlantis', next_fire_at = now()");
    triggers.database.execute("ALTER TABLE triggers ENABLE TRIGGER triggers_edited");
    triggers.wait_for(id, "stopped_at IS NOT NULL AND next_fire_at IS NULL");
    CHECK(triggers.fired() == "0");
    eventually(30s, [&] { return triggers.database.value("SELECT status FROM jobs") == "failed"; }, "its job failed");
    CHECK(triggers.database.value("SELECT last_error FROM jobs") ==
          "there is no time zone \"Europe/Atlantis\" in this system's tz database; "
          "the trigger is stopped until it is edited");
}

TEST_CASE("triggers: an edit plans anew, and a disabled one is left alone") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.wait_for(id, "next_fire_at IS NOT NULL");
    CHECK(triggers.column(id,
                          "next_fire_at = date_trunc('year', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + "
                          "interval '1 year'") == "t");
    triggers.set(id, "time_zone = 'Asia/Kathmandu'");
    triggers.wait_for(id, "extract(hour FROM next_fire_at AT TIME ZONE 'UTC') = 18");
    triggers.set(id, "enabled = false");
    CHECK(triggers.column(id, "next_fire_at IS NULL") == "t");
    triggers.set(id, "next_fire_at = now() - interval '1 hour'");
    CHECK(triggers.look() == std::nullopt);
    CHECK(triggers.database.value("SELECT count(*) FROM jobs") == "0");
    triggers.set(id, "enabled = true, next_fire_at = NULL");
    triggers.wait_for(id, "next_fire_at > now()");
}

TEST_CASE("triggers: a firing that is lost for good is told, and the schedule goes on") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.set(id, "next_fire_at = now()");
    (void)triggers.look();
    REQUIRE(triggers.database.value("SELECT count(*) FROM jobs") == "1");
    SECTION("cancelled") {
        triggers.database.execute(
            "UPDATE jobs SET status = 'failed', failure_reason = 'cancelled', finished_at = now()");
        CHECK(triggers.column(id, "last_error") == "a firing was lost: it was cancelled");
    }
    SECTION("crashed") {
        triggers.database.execute(
            "UPDATE jobs SET status = 'failed', last_error = 'its worker died', finished_at = now()");
        CHECK(triggers.column(id, "last_error") == "a firing was lost: its worker died");
    }
    SECTION("deleted") {
        triggers.database.execute("DELETE FROM jobs");
        CHECK(triggers.column(id, "last_error") == "a firing was lost: its job was deleted");
    }
    triggers.wait_for(id, "next_fire_at > now()");
    CHECK(triggers.fired() == "0");
}

TEST_CASE("triggers: there is nothing to do where there are none") {
    Triggers triggers;
    CHECK(triggers.look() == std::nullopt);
    (void)triggers.add_webhook("report", nlohmann::json::object());
    CHECK(triggers.look() == std::nullopt);
    (void)triggers.add("0 0 1 1 *");
    const auto wait = triggers.look();
    REQUIRE(wait.has_value());
    CHECK(*wait > 0ms);
}

TEST_CASE("triggers: times that no clock shows are refused") {
    Triggers triggers;
    const auto id = triggers.add("* * * * *");
    for (const auto* time : {"infinity", "-infinity", "0044-03-15 BC"})
        CHECK_THROWS_AS(triggers.set(id, std::string{"next_fire_at = '"} + time + "'"), pqxx::check_violation);
}

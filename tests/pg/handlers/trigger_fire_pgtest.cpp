/// @file  Kind trigger-fire: webhooks, what a trigger may name, and what is wrong with it.

#include <catch2/catch_test_macros.hpp>

#include "trigger_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using nlohmann::json;

namespace {

json fired_payload(Triggers& triggers, const std::string& firing) {
    INFO(triggers.job(firing, "last_error"));
    REQUIRE(triggers.finish(firing) == "completed");
    const auto result = json::parse(triggers.job(firing, "result"));
    REQUIRE(result.at("fired") == true);
    return json::parse(triggers.job(result.at("jobId").get<std::string>(), "payload"));
}

}  // namespace

TEST_CASE("trigger-fire: a webhook's payload fills the places that the trigger leaves for it") {
    Triggers triggers;
    const auto id = triggers.add_webhook(
        "agent-turn", {{"sessionId", "s1"}, {"text", "A push: {{payload}} {{payload}}"}, {"channel", "webhook"}});
    const auto payload = fired_payload(triggers, triggers.fire(id, {{"ref", "{{payload}}"}, {"userId", "somebody"}}));
    CHECK(payload.at("text") ==
          R"(A push: {"ref":"{{payload}}","userId":"somebody"} {"ref":"{{payload}}","userId":"somebody"})");
    CHECK(payload.at("userId") == triggers.user);
    CHECK(payload.at("trigger").at("payload").at("ref") == "{{payload}}");
    CHECK(triggers.column(id, "last_fired_at IS NOT NULL AND next_fire_at IS NULL") == "t");
    CHECK(triggers.database.value("SELECT serial_key FROM jobs WHERE kind = 'agent-turn'") == "session:s1");

    CHECK(fired_payload(triggers, triggers.fire(id, "plain words")).at("text") == "A push: plain words plain words");
    CHECK(fired_payload(triggers, triggers.fire(id)).at("text") == "A push:  ");
}

TEST_CASE("trigger-fire: an operator fires a cron trigger without touching its schedule") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.wait_for(id, "next_fire_at IS NOT NULL");
    const auto planned = triggers.column(id, "next_fire_at");
    CHECK(fired_payload(triggers, triggers.fire(id)).at("size") == 3);
    CHECK(triggers.column(id, "next_fire_at") == planned);
}

TEST_CASE("trigger-fire: a trigger with a fault of its own is stopped, and an edit starts it again") {
    Triggers triggers;
    const auto other = triggers.database.value("INSERT INTO users (handle) VALUES ('eve') RETURNING id");
    const auto fault_of = [&](const std::string& kind, const json& payload) {
        const auto id = triggers.add_webhook(kind, payload);
        const auto firing = triggers.fire(id);
        CHECK(triggers.finish(firing) == "failed");
        CHECK(triggers.job(firing, "attempts") == "1");
        CHECK(triggers.column(id, "stopped_at IS NOT NULL") == "t");
        return triggers.column(id, "last_error");
    };
    CHECK(fault_of("report", json::array()) == "job_payload must be a JSON object");
    CHECK(fault_of(" ", json::object()) == "job_kind is empty");
    CHECK(fault_of("trigger-fire", json::object()) == "job_kind trigger-fire: a trigger cannot fire triggers");
    CHECK(fault_of("agent-turn", {{"sessionId", "s1"}}) == "job_payload lacks \"text\", which agent-turn needs");
    CHECK(fault_of("orchestrator-plan", {{"taskDescription", "x"}}) ==
          "job_payload lacks \"parentSessionId\", which orchestrator-plan needs");
    CHECK(fault_of("report", {{"user_id", other}}) == "job_payload names another user than the trigger's own");
    CHECK(fault_of("report", {{"userId", 7}}) == "job_payload names another user than the trigger's own");
    CHECK(fault_of("embed-memories", {{"tenantId", other}}) ==
          "job_payload names another tenant than the trigger's own");
    CHECK(triggers.fired() == "0");
    CHECK(triggers.database.value("SELECT count(*) FROM audit_log WHERE action = 'agent.trigger_stop'") == "8");

    const auto id = triggers.database.value("SELECT id FROM triggers WHERE job_kind = ' '");
    const auto refused = triggers.fire(id);
    CHECK(triggers.finish(refused) == "failed");
    CHECK(triggers.job(refused, "last_error") == "the trigger is stopped: job_kind is empty");
    triggers.set(id, "job_kind = 'report'");
    CHECK(triggers.column(id, "stopped_at IS NULL AND last_error IS NULL") == "t");
    (void)fired_payload(triggers, triggers.fire(id));
}

TEST_CASE("trigger-fire: a trigger cannot act for a user of another tenant") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    const auto stranger = triggers.database.value(
        "WITH t AS (INSERT INTO tenants (name, slug) VALUES ('Fabrikam', 'fabrikam') RETURNING id) "
        "INSERT INTO users (handle, tenant_id) SELECT 'eve', id FROM t RETURNING id");
    triggers.set(id, "user_id = '" + stranger + "'");
    const auto firing = triggers.fire(id);
    CHECK(triggers.finish(firing) == "failed");
    CHECK(triggers.column(id, "last_error") == "its user does not belong to its tenant");
    CHECK(triggers.fired() == "0");
}

TEST_CASE("trigger-fire: a tenant's trigger without a user names none") {
    Triggers triggers;
    const auto id = triggers.add_webhook("report", {{"userId", triggers.user}});
    triggers.set(id, "user_id = NULL");
    const auto firing = triggers.fire(id);
    CHECK(triggers.finish(firing) == "failed");
    CHECK(triggers.column(id, "last_error") == "job_payload names another user than the trigger's own");
    // One of the installation itself may.
    triggers.set(id, "tenant_id = NULL");
    CHECK(fired_payload(triggers, triggers.fire(id)).at("userId") == triggers.user);
}

TEST_CASE("trigger-fire: a suspended tenant's firings are passed over, and its schedule goes on") {
    Triggers triggers;
    const auto id = triggers.add("0 0 1 1 *");
    triggers.database.execute("UPDATE tenants SET status = 'suspended'");
    triggers.set(id, "next_fire_at = now()");
    triggers.wait_for(id, "next_fire_at > now()");
    CHECK(triggers.column(id, "last_error") == "its tenant or user is not active");
    CHECK(triggers.column(id, "last_fired_at IS NULL AND stopped_at IS NULL") == "t");
    CHECK(triggers.fired() == "0");
    triggers.database.execute("UPDATE tenants SET status = 'active'");
    triggers.set(id, "next_fire_at = now()");
    triggers.wait_for(id, "last_fired_at IS NOT NULL AND last_error IS NULL");
}

TEST_CASE("trigger-fire: a disabled or vanished trigger and a wrong payload fail with a sentence") {
    Triggers triggers;
    const auto error_of = [&](const std::string& firing) {
        CHECK(triggers.finish(firing) == "failed");
        return triggers.job(firing, "failure_reason || ': ' || last_error");
    };
    const auto id = triggers.add_webhook("report", json::object());
    triggers.set(id, "enabled = false");
    CHECK(error_of(triggers.fire(id)) == "error: the trigger is disabled");
    CHECK(error_of(triggers.fire("00000000-0000-7000-8000-000000000001")) ==
          "error: there is no trigger 00000000-0000-7000-8000-000000000001");
    CHECK(error_of(triggers.fire("x")) == "invalid_payload: payload field \"triggerId\" must be a UUID");
    const auto firing =
        triggers.database.value("INSERT INTO jobs (kind, payload) VALUES ('trigger-fire', $1) RETURNING id",
                                pqxx::params{json{{"triggerId", id}, {"scheduledAt", "noon"}}.dump()});
    CHECK(error_of(firing) ==
          "invalid_payload: payload field \"scheduledAt\" must be a time such as 2026-01-31T12:00:00Z");
}

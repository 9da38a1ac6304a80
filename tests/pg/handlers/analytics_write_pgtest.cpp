#include <catch2/catch_test_macros.hpp>

#include "agent_fixture.hpp"
#include "store/usage.hpp"

using namespace oiab;
using namespace oiab::tests;
using nlohmann::json;

namespace {

struct Analytics {
    Organisation org{scripted([](const ChatRequest&, int) { return say("never"); })};
    TestDatabase& db = org.database();

    std::string write(const json& events) { return org.enqueue("analytics-write", {{"events", events}}); }
    std::string error_of(const json& events) {
        const auto job = write(events);
        CHECK(org.finish(job) == "failed");
        CHECK(org.column(job, "attempts") == "1");
        return org.column(job, "failure_reason || ': ' || last_error");
    }
    std::string rows(const std::string& table) { return db.value("SELECT count(*) FROM " + table); }
};

json tool_event(const std::string& key) { return {{"type", "tool"}, {"eventKey", key}, {"tool", "bash"}}; }
json usage_event(const std::string& id, double cost = 0.25) {
    return {{"type", "usage"}, {"requestId", id}, {"model", "m-1"}, {"inputTokens", 7}, {"costUsd", cost}};
}

}  // namespace

TEST_CASE("analytics-write: tools and model calls become rows, with what they name") {
    Analytics a;
    const std::string hash(64, 'a');
    auto tool = tool_event("k");
    tool.update({{"userId", a.org.user()},
                 {"sessionId", "s1"},
                 {"outcome", "failure"},
                 {"inputHash", hash},
                 {"durationMs", 12},
                 {"error", "no such file"}});
    auto call = usage_event("r");
    call.update({{"user_id", a.org.user()}, {"provider", "p"}, {"output_tokens", 3}, {"purpose", "chat"}});
    const auto job = a.write({tool, call});
    REQUIRE(a.org.finish(job) == "completed");
    CHECK(a.org.result(job) == json{{"toolEvents", 1}, {"usageEvents", 1}, {"alreadyKnown", 0}});
    CHECK(a.db.value("SELECT concat_ws('|', tenant_id, user_id, session_id, tool, outcome, input_hash, duration_ms, "
                     "error) FROM tool_events") ==
          a.org.tenant() + "|" + a.org.user() + "|s1|bash|failure|" + hash + "|12|no such file");
    CHECK(a.db.value("SELECT concat_ws('|', request_id, tenant_id, user_id, provider, model, input_tokens, "
                     "output_tokens, cost_usd, uncertain) FROM usage_events") ==
          "r|" + a.org.tenant() + "|" + a.org.user() + "|p|m-1|7|3|0.25000000|f");
}

TEST_CASE("analytics-write: an event that comes again is kept once") {
    Analytics a;
    const json events{tool_event("k"), tool_event("k"), usage_event("r"), usage_event("r")};
    REQUIRE(a.org.finish(a.write(events)) == "completed");
    const auto again = a.write(events);
    REQUIRE(a.org.finish(again) == "completed");
    CHECK(a.org.result(again) == json{{"toolEvents", 0}, {"usageEvents", 0}, {"alreadyKnown", 4}});
    CHECK(a.rows("tool_events") == "1");
    CHECK(a.rows("usage_events") == "1");
    // Without a key of the producer's the job and the place are the key.
    const auto job = a.write({{{"type", "tool"}, {"tool", "a"}}, {{"type", "tool"}, {"tool", "a"}}});
    REQUIRE(a.org.finish(job) == "completed");
    CHECK(a.db.value("SELECT string_agg(event_key, ' ' ORDER BY event_key) FROM tool_events WHERE tool = 'a'") ==
          job + ":0 " + job + ":1");
}

TEST_CASE("analytics-write: one bad event fails the whole job by its index, and nothing is written") {
    Analytics a;
    const auto with = [](json event, const char* field, json value) {
        event[field] = std::move(value);
        return event;
    };
    const auto error = [&](json bad) { return a.error_of({tool_event("good"), usage_event("good"), std::move(bad)}); };
    const std::string begin = "invalid_payload: payload field \"events[2]";
    CHECK(error(1) == begin + "\" must be an object");
    CHECK(error(json::object()) == begin + ".type\" is missing; it must be a string");
    CHECK(error({{"type", "click"}}) == begin + ".type\" must be tool or usage");
    CHECK(error({{"type", "tool"}}) == begin + ".tool\" is missing; it must be a string");
    CHECK(error({{"type", "usage"}, {"model", "m"}}) == begin + ".requestId\" is missing; it must be a string");
    CHECK(error(with(tool_event("k"), "outcome", "maybe")) == begin + ".outcome\" must be success, failure or denied");
    CHECK(error(with(tool_event("k"), "inputHash", "ABC")).starts_with(begin + ".inputHash\" must be a SHA-256"));
    CHECK(error(with(tool_event("k"), "durationMs", -1)).starts_with(begin + ".durationMs\" must be a whole number"));
    CHECK(error(with(tool_event("k"), "tool", std::string(201, 'x'))).starts_with(begin + ".tool\" must have at most"));
    CHECK(error(with(usage_event("k"), "inputTokens", -1)).starts_with(begin + ".inputTokens\" must be a whole"));
    CHECK(error(with(usage_event("k"), "inputTokens", "7")).starts_with(begin + ".inputTokens\" must be a whole"));
    CHECK(error(with(usage_event("k"), "costUsd", -0.1)).starts_with(begin + ".costUsd\" must be a number"));
    CHECK(error(with(usage_event("k"), "costUsd", "1")).starts_with(begin + ".costUsd\" must be a number"));
    CHECK(error(with(usage_event("k"), "userId", "ada")) == begin + ".userId\" must be a UUID");
    CHECK(a.error_of(json::array()) ==
          "invalid_payload: payload field \"events\" must be an array of 1 to 10000 objects");
    CHECK(a.rows("tool_events") == "0");
    CHECK(a.rows("usage_events") == "0");
}

TEST_CASE("analytics-write: nothing crosses the border of a tenant") {
    Analytics a;
    const auto other_tenant =
        a.db.value("INSERT INTO tenants (name, slug) VALUES ('Fabrikam', 'fabrikam') RETURNING id");
    const auto eve =
        a.db.value("INSERT INTO users (handle, tenant_id) VALUES ('eve', $1) RETURNING id", pqxx::params{other_tenant});
    a.db.execute("INSERT INTO sessions_index (session_id, user_id, tenant_id) VALUES ('s-eve', $1, $2)",
                 pqxx::params{eve, other_tenant});
    const auto nobody = "00000000-0000-7000-8000-000000000001";
    const auto error = [&](const json& owner) {
        auto event = tool_event("k");
        event.update(owner);
        return a.error_of(json::array({event}));
    };
    const std::string begin = "invalid_payload: payload field \"events[0].";
    CHECK(error({{"tenantId", nobody}}) == begin + "tenantId\" names no tenant");
    CHECK(error({{"userId", nobody}}) == begin + "userId\" names no user");
    CHECK(error({{"tenantId", a.org.tenant()}, {"userId", eve}}) == begin + "userId\" names a user of another tenant");
    CHECK(error({{"userId", a.org.user()}, {"sessionId", "s-eve"}}) ==
          begin + "sessionId\" names a session of another tenant");
    CHECK(error({{"sessionId", "s-eve"}}) == begin + "sessionId\" names a session of another tenant");
    const auto job = a.db.value("INSERT INTO jobs (kind, tenant_id, run_at) VALUES ('x', $1, 'infinity') RETURNING id",
                                pqxx::params{other_tenant});
    CHECK(error({{"userId", a.org.user()}, {"jobId", job}}) == begin + "jobId\" names a job of another tenant");

    // A job that belongs to a tenant reports of that tenant alone.
    const auto of_tenant = [&](const json& event) {
        const auto id =
            a.db.value("INSERT INTO jobs (kind, payload, tenant_id) VALUES ('analytics-write', $1, $2) RETURNING id",
                       pqxx::params{json{{"events", json::array({event})}}.dump(), a.org.tenant()});
        static_cast<void>(a.org.finish(id));
        return a.org.column(id, "coalesce(last_error, status)");
    };
    auto foreign = tool_event("k");
    foreign["tenantId"] = other_tenant;
    CHECK(of_tenant(foreign) == "payload field \"events[0].tenantId\" is not the job's own tenant");
    foreign = tool_event("k");
    foreign["userId"] = eve;
    CHECK(of_tenant(foreign) == "payload field \"events[0].userId\" names a user of another tenant");
    CHECK(a.rows("tool_events") == "0");

    // Nor can it use up a key or settle an estimate of another; what it spent under such an id is told, not lost.
    a.db.execute("INSERT INTO usage_events (request_id, tenant_id, cost_usd, uncertain) VALUES ('r', $1, 5, true)",
                 pqxx::params{other_tenant});
    CHECK(of_tenant(usage_event("r", 0)) == "payload field \"events[0].requestId\" is in use by another tenant");
    CHECK(a.db.value("SELECT cost_usd::float8 || ' ' || uncertain FROM usage_events") == "5 true");
    a.db.execute("INSERT INTO tool_events (event_key, tenant_id, tool) VALUES ($1 || ':k', $1::uuid, 'theirs')",
                 pqxx::params{other_tenant});
    CHECK(of_tenant(tool_event("k")) == "completed");
    CHECK(a.db.value("SELECT count(*) FROM tool_events WHERE tool = 'bash' AND tenant_id = $1",
                     pqxx::params{a.org.tenant()}) == "1");
}

TEST_CASE("analytics-write: ten thousand events are one job's work") {
    Analytics a;
    auto events = json::array();
    for (int i = 0; i < 5'000; ++i) {
        events.push_back(tool_event(std::to_string(i)));
        events.push_back(usage_event(std::to_string(i)));
        events.back()["userId"] = a.org.user();
    }
    REQUIRE(a.org.finish(a.write(events)) == "completed");
    CHECK(a.rows("tool_events") == "5000");
    CHECK(a.db.value("SELECT count(*) FROM usage_events WHERE user_id IS NOT NULL") == "5000");
    events.push_back(tool_event("one too many"));
    CHECK(a.error_of(events).find("1 to 10000") != std::string::npos);
}

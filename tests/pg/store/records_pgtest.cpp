/// @file  What a turn leaves and what it goes by: usage, trajectories, audit, providers, skills, prices.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "store/audit.hpp"
#include "store/providers.hpp"
#include "store/reservations.hpp"
#include "store/retention.hpp"
#include "store/skills.hpp"
#include "store/trajectories.hpp"
#include "store/usage.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;
using Catch::Matchers::WithinAbs;

namespace {

store::UsageEvent call(const World& world, const std::string& request_id, double cost) {
    store::UsageEvent event;
    event.request_id = request_id;
    event.tenant_id = world.contoso;
    event.user_id = world.alice;
    event.session_id = "s1";
    event.job_id = world.job;
    event.provider = "openai";
    event.model = "m";
    event.input_tokens = 10;
    event.output_tokens = 5;
    event.cost_usd = cost;
    event.duration = 1500ms;
    return event;
}

}  // namespace

TEST_CASE_METHOD(World,
                 "usage: a call is counted once however often it is recorded, and sums go by user, tenant and job") {
    const std::vector events{call(*this, "r1", 0.25), call(*this, "r2", 0.5), call(*this, "r2", 9)};
    CHECK(in([&](pg::Transaction& tx) { return store::record_usage(tx, events); }) == 2);
    CHECK(in([&](pg::Transaction& tx) { return store::record_usage(tx, events); }) == 0);
    auto others = call(*this, "r3", 4);
    others.user_id = bob;
    others.job_id = other_job;
    in([&](pg::Transaction& tx) { return store::record_usage(tx, std::vector{others}); });
    // Last month's does not count.
    database.execute(
        "INSERT INTO usage_events (request_id, user_id, tenant_id, cost_usd, created_at) SELECT 'old', user_id, "
        "tenant_id, 100, "
        "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 second' FROM usage_events "
        "WHERE request_id = 'r1'");
    in([&](pg::Transaction& tx) {
        const auto mine = store::load_spending(tx, alice, contoso, job, "none");
        CHECK_THAT(mine.user_spent, WithinAbs(0.75, 1e-9));
        CHECK_THAT(mine.tenant_spent, WithinAbs(4.75, 1e-9));
        CHECK_THAT(mine.job_spent, WithinAbs(0.75, 1e-9));
        const auto theirs = store::load_spending(tx, std::nullopt, fabrikam, std::nullopt, "none");
        CHECK_THAT(theirs.tenant_spent, WithinAbs(0, 1e-9));
    });
    CHECK(database.value("SELECT format('%s %s %s', input_tokens, duration_ms, session_id) FROM usage_events WHERE "
                         "request_id = 'r1'") == "10 1500 s1");
}

TEST_CASE_METHOD(World, "usage: an estimate gives way to the figure, never the other way round") {
    auto guess = call(*this, "r", 1);
    guess.uncertain = true;
    in([&](pg::Transaction& tx) { return store::record_usage(tx, std::vector{guess}); });
    CHECK(in([&](pg::Transaction& tx) { return store::record_usage(tx, std::vector{call(*this, "r", 0.5)}); }) == 1);
    CHECK(in([&](pg::Transaction& tx) { return store::record_usage(tx, std::vector{guess}); }) == 0);
    CHECK(database.value("SELECT format('%s %s', cost_usd::float, uncertain) FROM usage_events") == "0.5 f");
}

TEST_CASE_METHOD(World, "prices: the provider's own before any provider's, and the newest that has begun") {
    database.execute(
        "INSERT INTO model_prices (provider, model, effective_from, input_usd_per_million) VALUES "
        "('*', 'm', '-infinity', 1), ('openai', 'm', '-infinity', 2), ('openai', 'm', now() - interval '1 day', 3), "
        "('openai', 'm', now() + interval '1 day', 4)");
    in([&](pg::Transaction& tx) {
        CHECK(store::find_price(tx, "openai", "m")->input_usd_per_million == 3);
        CHECK(store::find_price(tx, "local", "m")->input_usd_per_million == 1);
        CHECK_FALSE(store::find_price(tx, "openai", "unknown"));
        CHECK_FALSE(store::find_tenant_month_limit(tx, contoso));
    });
    database.execute(
        "INSERT INTO tenant_quotas (tenant_id, monthly_limit_usd) VALUES ('00000000-0000-4000-8000-0000000000a1', "
        "12.5)");
    CHECK(in([&](pg::Transaction& tx) { return store::find_tenant_month_limit(tx, contoso); }) == 12.5);
}

TEST_CASE_METHOD(World, "trajectories: one a job, the first stays") {
    store::NewTrajectory trajectory;
    trajectory.job_id = job;
    trajectory.tenant_id = contoso;
    trajectory.user_id = alice;
    trajectory.session_id = "s1";
    trajectory.tools = R"([{"tool": "memory_add", "input_hash": "a", "output_hash": "b"}])";
    trajectory.tools_hash = "h";
    trajectory.outcome = "success";
    CHECK(in([&](pg::Transaction& tx) { return store::insert_trajectory(tx, trajectory); }));
    trajectory.outcome = "failure";
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::insert_trajectory(tx, trajectory); }));
    CHECK(database.value("SELECT format('%s %s', outcome, tools -> 0 ->> 'tool') FROM trajectories") ==
          "success memory_add");
}

TEST_CASE_METHOD(World, "audit: each key once, and the retention routine answers how many went") {
    store::AuditEntry entry;
    entry.entry_key = "job:step";
    entry.tenant_id = contoso;
    entry.user_id = alice;
    entry.actor = "agent:s1";
    entry.action = "agent.prompt";
    entry.session_id = "s1";
    entry.duration = 20ms;
    entry.payload = R"({"hash": "x"})";
    store::AuditEntry loose = entry;
    loose.entry_key.reset();
    CHECK(in([&](pg::Transaction& tx) { return store::append_audit(tx, std::vector{entry, loose}); }) == 2);
    CHECK(in([&](pg::Transaction& tx) { return store::append_audit(tx, std::vector{entry, loose}); }) == 1);
    CHECK(database.value("SELECT format('%s %s %s', count(*), min(actor), min(payload ->> 'hash')) FROM audit_log") ==
          "3 agent:s1 x");
    database.execute(
        "INSERT INTO audit_log (ts, action) SELECT now() - interval '3 years', 'agent.prompt' FROM generate_series(1, "
        "5)");
    CHECK(in([](pg::Transaction& tx) { return store::purge_audit(tx, 3); }) == 3);
    CHECK(in([](pg::Transaction& tx) { return store::purge_audit(tx, 3); }) == 2);
    CHECK(in([](pg::Transaction& tx) { return store::purge_audit(tx, 3); }) == 0);
}

TEST_CASE_METHOD(
    World, "providers: the user's own, then the tenant's, then the installation's; preferred first; nobody else's") {
    database.execute(
        "INSERT INTO providers (user_id, tenant_id, provider, preferred, default_model, credentials) VALUES "
        "(NULL, NULL, 'installation', false, 'i', NULL), "
        "(NULL, '00000000-0000-4000-8000-0000000000a1', 'tenant', false, 't', NULL), "
        "(NULL, '00000000-0000-4000-8000-0000000000a2', 'other tenant', true, 'o', NULL), "
        "('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', 'own', false, 'u', NULL), "
        "('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', 'preferred', true, 'p', "
        "'v1:a:b:c'), "
        "('00000000-0000-4000-8000-0000000000b2', '00000000-0000-4000-8000-0000000000a1', 'of bob', true, 'b', NULL);"
        "INSERT INTO providers (user_id, provider, enabled) VALUES ('00000000-0000-4000-8000-0000000000b1', 'switched "
        "off', false)");
    const auto names = [&](core::UserId user, std::optional<core::TenantId> tenant) {
        std::string list;
        for (const auto& row : in([&](pg::Transaction& tx) { return store::load_providers(tx, user, tenant); }))
            list += row.provider + ", ";
        return list;
    };
    CHECK(names(alice, contoso) == "preferred, own, tenant, installation, ");
    CHECK(names(solo, std::nullopt) == "installation, ");
    const auto first = in([&](pg::Transaction& tx) { return store::load_providers(tx, alice, contoso); }).front();
    CHECK(first.owner == store::ProviderOwner::kUser);
    CHECK(first.credentials == "v1:a:b:c");
    CHECK(first.kind == "openai-compatible");
}

TEST_CASE_METHOD(World, "skills: only what the tenant has promoted") {
    database.execute(
        "INSERT INTO skills (tenant_id, name, description, body, status) VALUES "
        "('00000000-0000-4000-8000-0000000000a1', 'b', 'second', '# Skill: b', 'promoted'), "
        "('00000000-0000-4000-8000-0000000000a1', 'a', 'first', '# Skill: a', 'promoted'), "
        "('00000000-0000-4000-8000-0000000000a1', 'c', '', '', 'proposed'), "
        "('00000000-0000-4000-8000-0000000000a2', 'd', '', '', 'promoted'), (NULL, 'e', '', '# Skill: e', 'promoted')");
    const auto skills = in([&](pg::Transaction& tx) { return store::load_promoted_skills(tx, contoso); });
    REQUIRE(skills.size() == 2);
    CHECK(skills[0].name == "a");
    CHECK(skills[1].description == "second");
    CHECK(in([&](pg::Transaction& tx) { return store::find_skill_body(tx, contoso, "a"); }) == "# Skill: a");
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::find_skill_body(tx, contoso, "c"); }));
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::find_skill_body(tx, contoso, "e"); }));
    CHECK(in([&](pg::Transaction& tx) { return store::find_skill_body(tx, std::nullopt, "e"); }) == "# Skill: e");
}

TEST_CASE_METHOD(World,
                 "retention: streams go after a day, cached embeddings 90 days after their last use, oldest first") {
    database.execute(
        "INSERT INTO sessions_index (session_id) VALUES ('s1');"
        "INSERT INTO session_stream (session_id, job_id, position, delta, created_at) SELECT 's1', "
        "'00000000-0000-4000-8000-0000000000d1', n, 'x', "
        "now() - n * interval '10 hours' FROM generate_series(1, 5) AS n;"
        "INSERT INTO embedding_cache (model, content_sha256, last_used_at) SELECT 'm', sha256(n::text::bytea), now() - "
        "n * interval '40 days' "
        "FROM generate_series(1, 5) AS n;"
        "INSERT INTO audit_log (ts, action) VALUES (now() - interval '3 years', 'tool.execute')");
    const auto first = in([](pg::Transaction& tx) { return store::purge_expired(tx, 2); });
    CHECK(first.stream_pieces == 2);
    CHECK(first.cached_embeddings == 2);
    CHECK(first.audit_entries == 1);
    const auto second = in([](pg::Transaction& tx) { return store::purge_expired(tx, 2); });
    CHECK(second.total() == 2);
    CHECK(in([](pg::Transaction& tx) { return store::purge_expired(tx, 2); }).total() == 0);
    CHECK(database.value("SELECT string_agg(position::text, ',' ORDER BY position) FROM session_stream") == "1,2");
    CHECK(database.value("SELECT count(*) FROM embedding_cache") == "2");
}

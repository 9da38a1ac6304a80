/// @file  What the database itself enforces, whoever writes to it.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <sstream>

#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab::tests;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr const char* kTenant = "00000000-0000-0000-0000-0000000000a1";
constexpr const char* kOtherTenant = "00000000-0000-0000-0000-0000000000a2";

/// Two tenants with a user, a session and a memory each.
void populate(TestDatabase& database) {
    database.execute(
        "INSERT INTO tenants (id, name, slug) VALUES ('00000000-0000-0000-0000-0000000000a1', 'Contoso', 'contoso'), "
        "                                            ('00000000-0000-0000-0000-0000000000a2', 'Fabrikam', 'fabrikam');"
        "INSERT INTO users (handle, tenant_id) SELECT 'user of ' || slug, id FROM tenants;"
        "INSERT INTO sessions_index (session_id, user_id, tenant_id) SELECT 's ' || handle, id, tenant_id FROM users;"
        "INSERT INTO session_messages (session_id, seq, role, content) SELECT session_id, 1, 'user', 'hello' FROM "
        "sessions_index;"
        "INSERT INTO memories (user_id, tenant_id, content, visibility) SELECT id, tenant_id, 'of ' || handle, 'team' "
        "FROM users;");
}

std::string refusal(TestDatabase& database, const std::string& sql) {
    try {
        database.execute(sql);
    } catch (const pqxx::sql_error& error) {
        return error.what();
    }
    return "accepted";
}

struct Machine {
    const char* table;
    const char* insert;  ///< makes one row
    std::vector<std::string> states;
    std::vector<std::string> legal;  ///< "from>to"
};

const std::vector<Machine>& machines() {
    static const std::vector<Machine> all{
        {"tenants",
         "INSERT INTO tenants (name) VALUES ('t')",
         {"active", "suspended", "deleted"},
         {"active>suspended", "suspended>active", "active>deleted", "suspended>deleted"}},
        {"users",
         "INSERT INTO users (handle) VALUES ('u')",
         {"active", "suspended", "deactivated"},
         {"active>suspended", "suspended>active", "active>deactivated", "suspended>deactivated", "deactivated>active"}},
        {"orchestrator_plans",
         "INSERT INTO orchestrator_plans DEFAULT VALUES",
         {"planning", "executing", "synthesizing", "completed", "failed"},
         {"planning>executing", "executing>synthesizing", "synthesizing>completed", "planning>failed",
          "executing>failed", "synthesizing>failed"}},
        {"orchestrator_subtasks",
         "INSERT INTO orchestrator_subtasks (index) VALUES (0)",
         {"pending", "running", "completed", "failed"},
         {"pending>running", "running>completed", "running>failed", "pending>failed"}},
        {"skills",
         "INSERT INTO skills (name) VALUES ('s')",
         {"proposed", "promoted", "deprecated"},
         {"proposed>promoted", "proposed>deprecated", "promoted>deprecated"}},
        {"dispatches",
         "INSERT INTO dispatches DEFAULT VALUES",
         {"executing", "synthesizing", "completed", "failed"},
         {"executing>synthesizing", "synthesizing>completed", "executing>failed", "synthesizing>failed"}},
    };
    return all;
}

}  // namespace

TEST_CASE("rules: a status changes only in the legal ways, and to no other word") {
    TestDatabase database;
    for (const auto& machine : machines()) {
        const std::string table = machine.table;
        for (const auto& from : machine.states) {
            for (const auto& to : machine.states) {
                if (from == to) continue;
                const bool legal = std::ranges::find(machine.legal, from + ">" + to) != machine.legal.end();
                CAPTURE(table, from, to);
                database.execute("DELETE FROM " + table);
                database.execute(machine.insert);
                // A row may be imported in any state; only changes follow the rule.
                database.execute("ALTER TABLE " + table + " DISABLE TRIGGER USER; UPDATE " + table + " SET status = '" +
                                 from + "'; ALTER TABLE " + table + " ENABLE TRIGGER USER");
                const auto answer = refusal(database, "UPDATE " + table + " SET status = '" + to + "'");
                if (legal) {
                    CHECK(answer == "accepted");
                } else {
                    CHECK_THAT(answer, ContainsSubstring("status cannot change from " + from + " to " + to));
                }
            }
        }
        CHECK_THAT(refusal(database, "UPDATE " + table + " SET status = 'whatever'"), ContainsSubstring("status"));
        CHECK(refusal(database, "UPDATE " + table + " SET status = NULL") != "accepted");
    }
}

TEST_CASE("rules: a new tenant has the four system roles, and no viewer may run an agent") {
    TestDatabase database;
    populate(database);
    CHECK(database.value("SELECT string_agg(name, ',' ORDER BY name) FROM roles WHERE is_system AND tenant_id = $1",
                         pqxx::params{kTenant}) == "admin,member,owner,viewer");
    const auto permission = [&](const char* role, const char* path) {
        return database.value("SELECT permissions #>> $2::text[] FROM roles WHERE name = $1 AND tenant_id = $3",
                              pqxx::params{role, path, kTenant});
    };
    CHECK(permission("owner", "{admin,manage_tenant}") == "true");
    CHECK(permission("admin", "{admin,manage_tenant}") == "false");
    CHECK(permission("admin", "{admin,manage_users}") == "true");
    CHECK(permission("member", "{agents,create}") == "true");
    CHECK(permission("member", "{memory,read_team}") == "true");
    CHECK(permission("member", "{admin,manage_users}") == "false");
    CHECK(permission("viewer", "{agents,create}") == "false");
    CHECK(permission("viewer", "{memory,read_own}") == "true");
    CHECK(permission("viewer", "{memory,write}") == "false");
}

TEST_CASE("rules: promoting a skill increments its version, deprecating it does not") {
    TestDatabase database;
    database.execute("INSERT INTO skills (name, version) VALUES ('s', 4); UPDATE skills SET status = 'promoted'");
    CHECK(database.value("SELECT format('%s %s', version, promoted_at IS NOT NULL) FROM skills") == "5 t");
    database.execute("UPDATE skills SET status = 'deprecated'");
    CHECK(database.value("SELECT format('%s %s', version, deprecated_at IS NOT NULL) FROM skills") == "5 t");
}

TEST_CASE("rules: the audit log only grows; its retention routine takes what has expired and nothing else") {
    TestDatabase database;
    database.execute(
        "INSERT INTO audit_log (ts, actor, action) VALUES "
        "(now() - interval '13 months', 'system', 'tool.execute'), (now() - interval '11 months', 'system', "
        "'agent.prompt'), "
        "(now() - interval '13 months', 'system', 'auth.login'), (now() - interval '25 months', 'system', "
        "'data.export')");
    CHECK_THAT(refusal(database, "UPDATE audit_log SET actor = 'x'"), ContainsSubstring("append-only"));
    CHECK_THAT(refusal(database, "DELETE FROM audit_log"), ContainsSubstring("append-only"));
    CHECK_THAT(refusal(database, "TRUNCATE audit_log"), ContainsSubstring("append-only"));
    // The routine's own mark, forged, takes nothing that is still to be kept.
    CHECK_THAT(
        refusal(database, "SET LOCAL oiab.audit_retention = 'on'; DELETE FROM audit_log WHERE action = 'auth.login'"),
        ContainsSubstring("append-only"));
    CHECK(database.value("SELECT oiab_purge_audit_log(1)") == "1");
    CHECK(database.value("SELECT oiab_purge_audit_log()") == "1");
    CHECK(database.value("SELECT oiab_purge_audit_log()") == "0");
    CHECK(database.value("SELECT string_agg(action, ',' ORDER BY action) FROM audit_log") == "agent.prompt,auth.login");
}

TEST_CASE("rules: a request is counted once, and a user has one row for each provider") {
    TestDatabase database;
    populate(database);
    database.execute("INSERT INTO usage_events (request_id) VALUES ('r')");
    CHECK_THAT(refusal(database, "INSERT INTO usage_events (request_id) VALUES ('r')"),
               ContainsSubstring("usage_events_request_id_key"));
    database.execute("INSERT INTO providers (user_id, tenant_id, provider) SELECT id, tenant_id, 'openai' FROM users");
    CHECK_THAT(refusal(database, "INSERT INTO providers (user_id, provider) SELECT id, 'openai' FROM users"),
               ContainsSubstring("providers_user_provider_key"));
    database.execute(
        "INSERT INTO providers (tenant_id, provider) SELECT id, 'openai' FROM tenants; INSERT INTO providers "
        "(provider) VALUES ('openai')");
    CHECK(refusal(database, "INSERT INTO providers (provider) VALUES ('openai')") != "accepted");
}

TEST_CASE("rules: pairing codes are eight clear characters for an hour, few at a time, told of, and used once") {
    TestDatabase database;
    database.execute("INSERT INTO gateways (kind) VALUES ('telegram')");
    const auto gateway = database.value("SELECT id FROM gateways");
    pqxx::connection listening{database.url()};
    std::vector<std::string> heard;
    listening.listen("orginabox_gateway_events",
                     [&](const pqxx::notification& event) { heard.emplace_back(event.payload); });

    database.execute(
        "INSERT INTO gateway_pairing_codes (gateway_id, external_id) SELECT id, 'telegram:1' FROM gateways");
    CHECK(database.value(
              "SELECT code ~ '^[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{8}$' AND expires_at = created_at + interval '1 hour' "
              "FROM gateway_pairing_codes") == "t");
    CHECK_THAT(refusal(database,
                       "INSERT INTO gateway_pairing_codes (code, gateway_id, external_id) SELECT 'ABCDEFG0', id, 'x' "
                       "FROM gateways"),
               ContainsSubstring("gateway_pairing_codes_code_check"));
    CHECK_THAT(refusal(database,
                       "INSERT INTO gateway_pairing_codes (gateway_id, external_id, expires_at) SELECT id, 'x', now() "
                       "+ interval '2 "
                       "hours' FROM gateways"),
               ContainsSubstring("gateway_pairing_codes_hour_check"));
    CHECK_THAT(
        refusal(database,
                "INSERT INTO gateway_pairing_codes (gateway_id, external_id) SELECT id, 'telegram:1' FROM gateways"),
        ContainsSubstring("within 10 minutes"));
    database.execute(
        "INSERT INTO gateway_pairing_codes (gateway_id, external_id) SELECT id, 'telegram:2' FROM gateways");
    database.execute(
        "INSERT INTO gateway_pairing_codes (gateway_id, external_id) SELECT id, 'telegram:3' FROM gateways");
    CHECK_THAT(
        refusal(database,
                "INSERT INTO gateway_pairing_codes (gateway_id, external_id) SELECT id, 'telegram:4' FROM gateways"),
        ContainsSubstring("at most 3"));

    const auto approve =
        "SELECT oiab_approve_pairing_code(gateway_id, lower(code), NULL) IS NOT NULL FROM gateway_pairing_codes "
        "WHERE external_id = 'telegram:1'";
    CHECK(database.value(approve) == "t");
    CHECK(database.value("SELECT external_id FROM gateway_paired_users") == "telegram:1");
    CHECK_THAT(refusal(database, approve), ContainsSubstring("expired or was already used"));
    eventually(
        std::chrono::seconds{10},
        [&] {
            listening.get_notifs();
            return heard.size() == 4;
        },
        "three codes and one approval are told of");
    CHECK_THAT(heard.front(), ContainsSubstring("pairing_code_created") && ContainsSubstring(gateway) &&
                                  ContainsSubstring("telegram:1"));
    CHECK_THAT(heard.back(), ContainsSubstring("pairing_approved"));
    CHECK_THAT(
        heard.front(),
        !ContainsSubstring(database.value("SELECT code FROM gateway_pairing_codes WHERE external_id = 'telegram:1'")));

    database.execute("DELETE FROM gateways");
    CHECK(database.value(
              "SELECT (SELECT count(*) FROM gateway_paired_users) + (SELECT count(*) FROM gateway_pairing_codes)") ==
          "0");
}

TEST_CASE("rules: a role that does not own the tables sees the rows of the tenant that it names, and no others") {
    TestDatabase database;
    populate(database);
    database.execute(
        "DROP ROLE IF EXISTS api; CREATE ROLE api; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public "
        "TO api");
    const auto as_api = [&](const std::string& tenant, const std::string& sql) {
        pqxx::connection connection{database.url()};
        pqxx::work work{connection};
        work.exec("SET ROLE api");
        work.exec("SELECT set_config('oiab.tenant_id', $1, true)", pqxx::params{tenant});
        return work.exec(sql)[0][0].as<std::string>("");
    };
    CHECK(as_api(kTenant, "SELECT string_agg(content, ',') FROM memories") == "of user of contoso");
    CHECK(as_api(kTenant, "SELECT string_agg(session_id, ',') FROM session_messages") == "s user of contoso");
    CHECK(as_api(kTenant, "SELECT string_agg(slug, ',') FROM tenants") == "contoso");
    CHECK(as_api(kOtherTenant, "SELECT string_agg(slug, ',') FROM tenants") == "fabrikam");
    CHECK(as_api(kTenant, "SELECT count(*) FROM roles") == "4");
    CHECK(as_api("", "SELECT count(*) FROM memories") == "0");
    CHECK(as_api(kTenant, "SELECT count(*) FROM platform_admins") == "0");
    CHECK(as_api(kTenant,
                 "WITH changed AS (UPDATE memories SET content = 'x' RETURNING 1) SELECT count(*) FROM changed") ==
          "1");
    CHECK_THROWS_AS(as_api(kTenant, std::string{"INSERT INTO memories (tenant_id, content) VALUES ('"} + kOtherTenant +
                                        "', 'x') RETURNING id"),
                    pqxx::sql_error);
    // The owner, as the worker is, sees everything without naming anybody.
    CHECK(database.value("SELECT count(*) FROM memories") == "2");
    database.execute("DROP OWNED BY api; DROP ROLE api");
}

TEST_CASE("rules: a producer needs INSERT on jobs and nothing else, and a worker's role owns nothing") {
    TestDatabase database;
    populate(database);
    std::ifstream in{std::string{OIAB_SOURCE_DIR} + "/migrations/roles.sql"};
    std::ostringstream text;
    text << in.rdbuf();
    database.execute(text.str());
    database.execute(text.str());
    const auto as = [&](const std::string& role, const std::string& sql) {
        return refusal(database, "SET LOCAL ROLE " + role + "; " + sql);
    };
    CHECK(as("oiab_producer", std::string{"INSERT INTO jobs (kind, tenant_id) VALUES ('x', '"} + kTenant + "')") ==
          "accepted");
    CHECK(
        as("oiab_producer",
           "INSERT INTO jobs (kind, payload) VALUES ('agent-turn', '{\"sessionId\": \"s\"}') ON CONFLICT DO NOTHING") ==
        "accepted");
    CHECK_THAT(as("oiab_producer", "SELECT * FROM jobs"), ContainsSubstring("permission denied"));
    CHECK(as("oiab_worker",
             "UPDATE jobs SET status = 'running', locked_by = 'w', lease_epoch = lease_epoch + 1, locked_at = now(), "
             "lease_until = now() "
             "WHERE kind = 'x'") == "accepted");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "1");
    CHECK(as("oiab_worker", "INSERT INTO audit_log (action) VALUES ('agent.prompt')") == "accepted");
    CHECK(as("oiab_worker", "SELECT oiab_purge_audit_log()") == "accepted");
    CHECK_THAT(as("oiab_worker", "DELETE FROM audit_log"), ContainsSubstring("permission denied"));
    CHECK_THAT(as("oiab_worker", "ALTER TABLE jobs ADD COLUMN x int"), ContainsSubstring("must be owner"));
    CHECK_THAT(as("oiab_worker", "UPDATE schema_meta SET value = 'x'"), ContainsSubstring("permission denied"));
    database.execute("DROP OWNED BY oiab_worker, oiab_producer; DROP ROLE oiab_worker, oiab_producer");
}

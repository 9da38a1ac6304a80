/// @file  promote_skill and deprecate_skill: who may, from where to where, and what is written down.

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/test_database.hpp"

using namespace oiab::tests;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Office {
    TestDatabase database;
    std::string contoso = tenant("contoso");
    std::string fabrikam = tenant("fabrikam");
    std::string skill = add_skill(contoso);

    std::string tenant(const std::string& slug) {
        return database.value("INSERT INTO tenants (name, slug) VALUES ($1, $1) RETURNING id", pqxx::params{slug});
    }
    std::string add_skill(const std::string& tenant_id, const std::string& name = "report") {
        return database.value("INSERT INTO skills (tenant_id, name) VALUES (nullif($1, '')::uuid, $2) RETURNING id",
                              pqxx::params{tenant_id, name});
    }
    std::string person(const std::string& tenant_id, const std::string& role) {
        const auto id = database.value(
            "INSERT INTO users (handle, tenant_id) VALUES (gen_random_uuid(), "
            "nullif($1, '')::uuid) RETURNING id",
            pqxx::params{tenant_id});
        if (!role.empty()) {
            database.execute(
                "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT $1, id, tenant_id FROM roles "
                "WHERE tenant_id = $2 AND name = $3",
                pqxx::params{id, tenant_id, role});
        }
        return id;
    }
    /// "status version changed", or the refusal.
    std::string decide(const std::string& function, const std::string& id, const std::string& by = "") {
        try {
            return database.value("SELECT status || ' ' || version || ' ' || changed FROM " + function +
                                      "($1::uuid, nullif($2, '')::uuid)",
                                  pqxx::params{id, by});
        } catch (const pqxx::sql_error& error) {
            return error.what();
        }
    }
    std::string audit() {
        return database.value("SELECT string_agg(action || ' ' || actor, ',' ORDER BY ts, id) FROM audit_log");
    }
};

}  // namespace

TEST_CASE("skills: promoted, then deprecated, and nothing backwards") {
    Office office;
    CHECK(office.decide("promote_skill", office.skill) == "promoted 2 true");
    CHECK(office.decide("deprecate_skill", office.skill) == "deprecated 2 true");
    CHECK_THAT(office.decide("promote_skill", office.skill),
               ContainsSubstring("is deprecated; nothing brings it back"));
    const auto turned_down = office.add_skill(office.contoso);
    CHECK(office.decide("deprecate_skill", turned_down) == "deprecated 1 true");
    CHECK_THAT(office.decide("promote_skill", turned_down), ContainsSubstring("is deprecated"));
    CHECK_THAT(office.decide("promote_skill", office.contoso),
               ContainsSubstring("there is no skill " + office.contoso));
}

TEST_CASE("skills: deciding the same again changes nothing and writes nothing") {
    Office office;
    CHECK(office.decide("promote_skill", office.skill) == "promoted 2 true");
    CHECK(office.decide("promote_skill", office.skill) == "promoted 2 false");
    CHECK(office.audit() == "admin.skill_promote system");
    CHECK(office.decide("deprecate_skill", office.skill) == "deprecated 2 true");
    CHECK(office.decide("deprecate_skill", office.skill) == "deprecated 2 false");
    CHECK(office.audit() == "admin.skill_promote system,admin.skill_deprecate system");
}

TEST_CASE("skills: only who manages templates in the skill's tenant decides") {
    Office office;
    for (const char* role : {"member", "viewer"}) {
        CHECK_THAT(office.decide("promote_skill", office.skill, office.person(office.contoso, role)),
                   ContainsSubstring("no role of user") && ContainsSubstring("admin.manage_templates"));
    }
    CHECK_THAT(office.decide("promote_skill", office.skill, office.person(office.contoso, "")),
               ContainsSubstring("no role of user"));
    for (const auto& stranger : {office.person(office.fabrikam, "owner"), office.person("", ""), office.contoso}) {
        CHECK_THAT(office.decide("promote_skill", office.skill, stranger),
                   ContainsSubstring("is no active user of the tenant"));
    }
    const auto admin = office.person(office.contoso, "admin");
    office.database.execute("UPDATE users SET status = 'suspended' WHERE id = $1", pqxx::params{admin});
    CHECK_THAT(office.decide("promote_skill", office.skill, admin), ContainsSubstring("is no active user"));
    office.database.execute("UPDATE users SET status = 'active' WHERE id = $1", pqxx::params{admin});
    CHECK(office.audit() == "NULL");
    CHECK(office.decide("promote_skill", office.skill, admin) == "promoted 2 true");
    CHECK(office.audit() == "admin.skill_promote user:" + admin);
    CHECK(office.database.value("SELECT promoted_by FROM skills") == admin);
}

TEST_CASE("skills: without a tenant the single operator decides, and no user with a role that does not") {
    Office office;
    const auto own = office.add_skill("", "own");
    const auto limited = office.person("", "");
    office.database.execute(
        "INSERT INTO roles (name, permissions) VALUES ('limited', '{}');"
        "INSERT INTO user_roles (user_id, role_id) SELECT '" +
        limited + "', id FROM roles WHERE name = 'limited'");
    CHECK_THAT(office.decide("promote_skill", own, limited), ContainsSubstring("no role of user"));
    CHECK(office.decide("promote_skill", own, office.person("", "")) == "promoted 2 true");
}

TEST_CASE("skills: a promoted skill takes the place of the one with its name, in its tenant alone") {
    Office office;
    const auto elsewhere = office.add_skill(office.fabrikam);
    const auto other_name = office.add_skill(office.contoso, "invoices");
    const auto newer = office.add_skill(office.contoso);
    for (const auto& id : {office.skill, elsewhere, other_name, newer}) {
        CHECK(office.decide("promote_skill", id) == "promoted 2 true");
    }
    const auto status = [&](const std::string& id) {
        return office.database.value("SELECT status FROM skills WHERE id = $1", pqxx::params{id});
    };
    CHECK(status(office.skill) == "deprecated");
    for (const auto& id : {elsewhere, other_name, newer}) CHECK(status(id) == "promoted");
    CHECK(office.database.value("SELECT payload -> 'superseded' ->> 0 FROM audit_log WHERE target = 'skill:" + newer +
                                "'") == office.skill);
}

TEST_CASE("skills: the functions have no rights of their own") {
    Office office;
    office.database.execute("DROP ROLE IF EXISTS oiab_test_nobody; CREATE ROLE oiab_test_nobody");
    CHECK(office.database.value("SELECT bool_or(prosecdef) FROM pg_proc WHERE proname IN ('promote_skill', "
                                "'deprecate_skill', 'oiab_change_skill', 'oiab_supersede_skill')") == "f");
    try {
        office.database.execute("SET ROLE oiab_test_nobody; SELECT promote_skill('" + office.skill + "')");
        FAIL("a role without rights promoted a skill");
    } catch (const pqxx::sql_error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("permission denied"));
    }
}

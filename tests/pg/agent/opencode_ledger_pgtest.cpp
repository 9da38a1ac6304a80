// What calls in a sandbox cost, when several turns tell of the same ones.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

#include "agent/opencode_ledger.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::agent;
using namespace oiab::tests;
using Catch::Matchers::WithinAbs;

namespace {

OpencodeCall call(std::string request_id, double cost, bool uncertain = false) {
    OpencodeCall one;
    one.request_id = std::move(request_id);
    one.provider = "loopback";
    one.model = "scripted";
    one.tokens = {100, 10, 5, 0, 0};
    one.cost_usd = cost;
    one.uncertain = uncertain;
    return one;
}

struct Ledger {
    TestDatabase database;
    pg::Session sql{database.settings("ledger test")};
    core::JobId job = *core::JobId::parse("00000000-0000-4000-8000-0000000000d1");
    core::JobId other_job = *core::JobId::parse("00000000-0000-4000-8000-0000000000d2");
    Person person;

    Ledger() {
        person.tenant_id = core::TenantId::parse(
            database.value("INSERT INTO tenants (name, slug) VALUES ('Contoso', 'contoso') RETURNING id"));
        person.user_id = *core::UserId::parse(database.value(
            "INSERT INTO users (handle, tenant_id) SELECT 'ada', id FROM tenants WHERE slug = 'contoso' RETURNING id"));
    }
    OpencodeSum charge(core::JobId which, const std::vector<OpencodeCall>& calls) {
        return pg::in_transaction(sql, [&](pg::Transaction& tx) {
            return charge_opencode_calls(tx, person, which, "session", "chat", calls);
        });
    }
    std::string recorded(core::JobId which) {
        return database.value(
            "SELECT count(*) || ' for ' || coalesce(sum(cost_usd), 0)::float8 FROM usage_events "
            "WHERE job_id = $1",
            pqxx::params{which.to_string()});
    }
};

}  // namespace

TEST_CASE_METHOD(Ledger,
                 "opencode ledger: a subagent's call is paid by the turn that made it, not by one that resumes it") {
    const auto first = charge(job, {call("ses_child:msg_1", 1), call("ses_child:msg_2", 2)});
    CHECK_THAT(first.cost_usd, WithinAbs(3, 1e-9));
    CHECK(first.of_others.empty());
    // The next attempt of the same job still answers for them.
    CHECK_THAT(charge(job, {call("ses_child:msg_1", 1), call("ses_child:msg_2", 2)}).cost_usd, WithinAbs(3, 1e-9));

    const auto second =
        charge(other_job, {call("ses_child:msg_1", 1), call("ses_child:msg_2", 2), call("ses_child:msg_3", 4)});
    CHECK_THAT(second.cost_usd, WithinAbs(4, 1e-9));
    CHECK(second.tokens.input == 100);
    CHECK(second.tokens.output == 15);
    CHECK(second.of_others == std::set<std::string>{"ses_child:msg_1", "ses_child:msg_2"});
    CHECK(recorded(job) == "2 for 3");
    CHECK(recorded(other_job) == "1 for 4");
}

TEST_CASE_METHOD(Ledger,
                 "opencode ledger: a later turn that knows more corrects an estimate, and does not pay for it") {
    charge(job, {call("ses_child:msg_1", 1, true)});
    CHECK_THAT(charge(other_job, {call("ses_child:msg_1", 2)}).cost_usd, WithinAbs(0, 1e-9));
    CHECK(recorded(job) == "1 for 2");
    CHECK(recorded(other_job) == "0 for 0");
}

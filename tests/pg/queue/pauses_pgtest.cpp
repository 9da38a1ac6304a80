/// @file  Pausing kinds, tenants and everything.

#include <algorithm>

#include "queue/pauses.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::PauseScope;
using Ids = std::vector<core::JobId>;

namespace {
const std::string kTenant = "00000000-0000-0000-0000-00000000000a";
const std::string kOther = "00000000-0000-0000-0000-00000000000b";

struct Pauses : QueueFixture {
    core::JobId of(const std::string& tenant, std::string_view kind = "noop") {
        return insert("tenant_id", "'" + tenant + "'", kind);
    }
    bool pause(PauseScope scope, const std::string& name) {
        queue::Pause what;
        what.scope = scope;
        what.name = name;
        what.reason = "maintenance";
        what.paused_by = "test";
        return queue::pause(session, what);
    }
};
}  // namespace

TEST_CASE_METHOD(Pauses, "pause: what is paused is written once, told to the workers, and survives") {
    pqxx::connection listener{database.url()};
    std::vector<std::string> told;
    listener.listen("oiab_control", [&](pqxx::notification n) { told.emplace_back(n.payload); });
    CHECK(pause(PauseScope::kAll, ""));
    CHECK(pause(PauseScope::kKind, "mail"));
    CHECK_FALSE(pause(PauseScope::kKind, "mail"));
    auto pauses = pg::autocommit(session, [](pg::Transaction& tx) { return queue::load_pauses(tx); });
    REQUIRE(pauses.size() == 2);
    CHECK(pauses[0].scope == PauseScope::kAll);
    CHECK(pauses[1].scope == PauseScope::kKind);
    CHECK(pauses[1].name == "mail");
    CHECK(pauses[1].reason == "maintenance");
    CHECK(queue::resume(session, PauseScope::kKind, "mail"));
    CHECK_FALSE(queue::resume(session, PauseScope::kKind, "mail"));
    CHECK(queue::resume(session, PauseScope::kAll, ""));
    pqxx::nontransaction{listener}.exec("SELECT 1");
    listener.get_notifs();
    CHECK(told == std::vector<std::string>{"pause", "pause", "resume", "resume"});
}

TEST_CASE_METHOD(Pauses, "pause: a tenant's rows leave the claim, old and new ones, and come back in order") {
    const auto a = of(kTenant), other = of(kOther), b = of(kTenant, "mail");
    CHECK(pause(PauseScope::kTenant, kTenant));
    const auto c = of(kTenant);
    const auto none = insert();
    CHECK(database.value("SELECT count(*) FROM jobs WHERE NOT lane_ready") == "3");
    CHECK(ids_of(claim(10, {"noop", "mail"})) == Ids{other, none});
    CHECK(queue::resume(session, PauseScope::kTenant, kTenant));
    CHECK(ids_of(claim(10, {"noop", "mail"})) == Ids{a, b, c});
}

TEST_CASE_METHOD(Pauses, "pause: a running job of the tenant that comes back stays out until the resume") {
    (void)of(kTenant);
    const auto job = claim().at(0);
    pause(PauseScope::kTenant, kTenant);
    CHECK(field(job.id, "lane_ready") == "t");
    settle(job, core::Released{});
    CHECK(field(job.id, "status || ' ' || lane_ready") == "pending false");
    CHECK(claim().empty());
    queue::resume(session, PauseScope::kTenant, kTenant);
    CHECK(claim().at(0).id == job.id);
}

TEST_CASE_METHOD(Pauses, "pause: a tenant's lanes stand still and go on in order") {
    const auto a = insert("tenant_id, serial_key", "'" + kTenant + "', 'lane'");
    const auto b = insert("tenant_id, serial_key", "'" + kTenant + "', 'lane'");
    const std::string lane = "lane";
    pause(PauseScope::kTenant, kTenant);
    CHECK(queue::advance_lanes(session, {&lane, 1}) == 0);
    queue::resume(session, PauseScope::kTenant, kTenant);
    const auto job = claim().at(0);
    CHECK(job.id == a);
    pause(PauseScope::kTenant, kTenant);
    settle(job, core::retry("x", 0ms));
    CHECK(queue::advance_lanes(session, {&lane, 1}) == 0);
    CHECK(claim().empty());
    queue::resume(session, PauseScope::kTenant, kTenant);
    CHECK(ids_of(claim()) == Ids{a});
    CHECK(field(b, "lane_ready") == "f");
}

TEST_CASE_METHOD(Pauses, "pause: many rows go and come back in batches") {
    database.execute("INSERT INTO jobs (kind, tenant_id, priority) SELECT 'noop', '" + kTenant +
                     "', n % 3 FROM generate_series(1, 11000) n");
    database.execute("INSERT INTO jobs (kind) SELECT 'noop' FROM generate_series(1, 10)");
    pause(PauseScope::kTenant, kTenant);
    CHECK(claim(100).size() == 10);
    queue::resume(session, PauseScope::kTenant, kTenant);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE lane_ready") == "11010");
}

TEST_CASE_METHOD(Pauses, "pause: rows of a transaction that is older than the resume are given back by the janitor") {
    pause(PauseScope::kTenant, kTenant);
    pqxx::connection other{database.url()};
    pqxx::work producer{other};
    producer.exec("INSERT INTO jobs (kind, tenant_id) VALUES ('noop', '" + kTenant + "')").no_rows();
    queue::resume(session, PauseScope::kTenant, kTenant);
    producer.commit();
    CHECK(claim().empty());
    pause(PauseScope::kTenant, kOther);
    (void)of(kOther);
    CHECK(queue::restore_resumed(session) == 1);
    CHECK(claim().size() == 1);
    CHECK(queue::restore_resumed(session) == 0);
}

TEST_CASE_METHOD(Pauses, "pause: a job that slipped into a claim is kept out by its release") {
    (void)of(kTenant);
    database.execute("INSERT INTO job_pauses (scope, name) VALUES ('tenant', '" + kTenant + "')");
    const auto job = claim().at(0);
    CHECK(job.tenant_id == core::TenantId::parse(kTenant));
    settle(job, core::Released{});
    CHECK(claim().empty());
    CHECK(field(job.id, "attempts || ' ' || lane_ready") == "0 false");
}

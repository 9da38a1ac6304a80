/// @file  Money that is set aside for calls under way, by several transactions at once.

#include "store/reservations.hpp"

#include <atomic>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <thread>

#include "store/retention.hpp"
#include "store/sql.hpp"
#include "store/usage.hpp"
#include "support/eventually.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

store::Reservation reservation(World& world, const std::string& request, double usd, std::int64_t epoch = 1) {
    store::Reservation made;
    made.request_id = request;
    made.attempt = {world.job, {epoch}};
    made.tenant_id = world.contoso;
    made.user_id = world.alice;
    made.session_id = "s1";
    made.purpose = "chat";
    made.provider = "p";
    made.model = "m";
    made.input_tokens = 100;
    made.estimate_usd = usd / 4;
    made.reserved_usd = usd;
    return made;
}

void run_job(World& world, std::int64_t epoch) {
    const auto id = world.job.to_string();
    world.database.execute("INSERT INTO jobs (id, kind) VALUES ($1, 'agent-turn')", pqxx::params{id});
    world.database.execute(
        "UPDATE jobs SET status = 'running', lease_epoch = $2, locked_by = 'w', locked_at = now(), "
        "lease_until = now() + interval '1 h', attempts = 1, started_at = now() WHERE id = $1",
        pqxx::params{id, epoch});
}

store::Spending spending(World& world, const std::string& request = "other") {
    return world.in(
        [&](pg::Transaction& tx) { return store::load_spending(tx, world.alice, world.contoso, world.job, request); });
}

}  // namespace

TEST_CASE_METHOD(World,
                 "reservations: they count against user and tenant beside what is spent, but for the call's own") {
    run_job(*this, 1);
    in([&](pg::Transaction& tx) {
        store::reserve_usage(tx, reservation(*this, "r1", 2));
        store::reserve_usage(tx, reservation(*this, "r2", 3));
        auto bobs = reservation(*this, "r3", 5);
        bobs.user_id = bob;
        store::reserve_usage(tx, bobs);
    });
    CHECK(spending(*this).user_open == 5);
    CHECK(spending(*this).tenant_open == 10);
    CHECK(spending(*this, "r1").user_open == 3);
    in([&](pg::Transaction& tx) {
        store::UsageEvent event;
        event.request_id = "r1";
        event.user_id = alice;
        event.tenant_id = contoso;
        event.job_id = job;
        event.cost_usd = 0.5;
        store::record_usage(tx, {&event, 1});
        CHECK(store::release_reservation(tx, "r1", {1}));
        CHECK_FALSE(store::release_reservation(tx, "r2", {2}));
    });
    CHECK(spending(*this).user_spent == 0.5);
    CHECK(spending(*this).job_spent == 0.5);
    CHECK(spending(*this).tenant_spent == 0.5);
    CHECK(spending(*this).user_open == 3);
    const auto nobody = in([&](pg::Transaction& tx) { return store::load_spending(tx, {}, {}, {}, "x"); });
    CHECK(nobody.user_spent + nobody.user_open + nobody.tenant_spent + nobody.tenant_open + nobody.job_spent == 0);
}

TEST_CASE_METHOD(
    World, "reservations: one whose attempt is over becomes an uncertain charge, once, and one that runs does not") {
    run_job(*this, 2);
    in([&](pg::Transaction& tx) {
        store::reserve_usage(tx, reservation(*this, "lives", 4, 2));
        store::reserve_usage(tx, reservation(*this, "earlier", 8, 1));
        auto gone = reservation(*this, "gone", 12);
        gone.attempt.id = other_job;
        store::reserve_usage(tx, gone);
    });
    const auto by_job = [&](const core::JobId& id) {
        return in([&](pg::Transaction& tx) { return store::charge_lost_reservations(tx, id, {}, {}); });
    };
    CHECK(by_job(job) == 1);
    CHECK(by_job(job) == 0);
    CHECK(in([&](pg::Transaction& tx) { return store::purge_expired(tx, 10).lost_calls; }) == 1);
    CHECK(
        database.value("SELECT string_agg(format('%s %s %s %s', request_id, cost_usd::float, input_tokens, uncertain), "
                       "', ' ORDER BY request_id) FROM usage_events") == "earlier:lost-1 2 100 t, gone:lost-1 3 100 t");
    CHECK(database.value("SELECT string_agg(request_id, '') FROM usage_reservations") == "lives");
    database.execute(
        "UPDATE jobs SET status = 'failed', failure_reason = 'cancelled', finished_at = now(), "
        "locked_by = NULL, locked_at = NULL, lease_until = NULL");
    CHECK(in([&](pg::Transaction& tx) { return store::charge_lost_reservations(tx, {}, alice, {}); }) == 1);
    CHECK(database.value("SELECT count(*) FROM usage_reservations") == "0");
}

TEST_CASE_METHOD(World, "reservations: threads that race for what is left never pass the limits of user and tenant") {
    constexpr double kUserLimit = 1.0;
    constexpr double kTenantLimit = 1.7;
    constexpr int kThreads = 8;
    constexpr int kCalls = 40;
    run_job(*this, 1);
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::atomic<int> granted{0};
    std::atomic<int> turned_away{0};
    std::vector<std::thread> threads;
    std::vector<std::string> failures(kThreads);
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            try {
                std::mt19937 random{seed + static_cast<unsigned>(t)};
                pg::Session session{database.settings("racer")};
                const auto user = t % 2 == 0 ? alice : bob;
                for (int i = 0; i < kCalls; ++i) {
                    const std::string request = std::to_string(t) + "-" + std::to_string(i);
                    const double most = std::uniform_real_distribution{0.01, 0.2}(random);
                    const bool may = pg::in_transaction(session, [&](pg::Transaction& tx) {
                        store::lock_budgets(tx, user, contoso);
                        const auto gone = store::load_spending(tx, user, contoso, {}, request);
                        if (gone.user_spent + gone.user_open + most > kUserLimit) return false;
                        if (gone.tenant_spent + gone.tenant_open + most > kTenantLimit) return false;
                        auto made = reservation(*this, request, most);
                        made.user_id = user;
                        store::reserve_usage(tx, made);
                        return true;
                    });
                    ++(may ? granted : turned_away);
                    if (!may) continue;
                    pg::in_transaction(session, std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                                           store::UsageEvent event;
                                           event.request_id = request;
                                           event.user_id = user;
                                           event.tenant_id = contoso;
                                           event.cost_usd = most * std::uniform_real_distribution{0.2, 1.0}(random);
                                           store::record_usage(tx, {&event, 1});
                                           store::release_reservation(tx, request, {1});
                                       }});
                }
            } catch (const std::exception& e) {
                failures[static_cast<std::size_t>(t)] = e.what();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& failure : failures) CHECK(failure == "");
    CHECK(granted > 0);
    CHECK(turned_away > 0);
    CHECK(database.value("SELECT count(*) FROM usage_reservations") == "0");
    CHECK(database.value("SELECT bool_and(spent <= 1.0) FROM (SELECT sum(cost_usd) AS spent FROM usage_events GROUP BY "
                         "user_id) AS users") == "t");
    CHECK(database.value("SELECT sum(cost_usd) <= 1.7 FROM usage_events") == "t");
    // The limits were what stopped them: little of them is left.
    CHECK(database.value("SELECT sum(cost_usd) > 1.2 FROM usage_events") == "t");
}

TEST_CASE_METHOD(World, "reservations: whoever decides about a user's budget keeps others waiting, and nobody else") {
    std::atomic<bool> second{false};
    pg::Session other{database.settings("second")};
    std::thread waiting;
    in([&](pg::Transaction& tx) {
        store::lock_budgets(tx, alice, contoso);
        pg::Session third{database.settings("third")};
        pg::in_transaction(third, std::function<void(pg::Transaction&)>{[&](pg::Transaction& free) {
                               store::lock_budgets(free, carol, fabrikam);
                               store::lock_budgets(free, {}, {});
                           }});
        waiting = std::thread{[&] {
            pg::in_transaction(other, std::function<void(pg::Transaction&)>{[&](pg::Transaction& late) {
                                   store::lock_budgets(late, alice, {});
                                   second = true;
                               }});
        }};
        eventually(
            30s,
            [&] {
                return database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") ==
                       "1";
            },
            "the second one waits");
        CHECK_FALSE(second);
    });
    waiting.join();
    CHECK(second);
}

TEST_CASE_METHOD(World, "reservations: what is spent is summed from indexes alone") {
    database.execute(
        "INSERT INTO usage_events (request_id, user_id, tenant_id, job_id, cost_usd) "
        "SELECT 'r' || n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0.01 "
        "FROM generate_series(1, 5000) AS n");
    pg::autocommit(sql, [](pg::Transaction& tx) { tx.raw().exec("VACUUM ANALYZE usage_events"); });
    const auto plan = in([&](pg::Transaction& tx) {
        auto& raw = tx.raw();
        raw.exec("SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off");
        raw.exec("PREPARE spending AS " + std::string{store::sql::load_spending.text});
        std::string text;
        for (const auto& row : raw.exec("EXPLAIN (COSTS off) EXECUTE spending('" + alice.to_string() + "', '" +
                                        contoso.to_string() + "', '" + job.to_string() + "', 'r1')"))
            text += row[0].as<std::string>() + "\n";
        raw.exec("DEALLOCATE spending");
        return text;
    });
    INFO(plan);
    for (const auto* index : {"user", "tenant", "job"}) {
        CHECK(plan.find("Index Only Scan using usage_events_" + std::string{index} + "_cost_idx") != std::string::npos);
    }
    CHECK(plan.find("Seq Scan on usage_events") == std::string::npos);
}

/// @file  The registry of workers, and leadership.

#include "queue/workers.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {
struct Workers : QueueFixture {
    std::optional<std::int64_t> lead(const std::string& who, std::chrono::milliseconds lease = 60s) {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::lead(tx, {who}, lease); });
    }
};
}  // namespace

TEST_CASE_METHOD(Workers, "workers: register, beat, list, prune, unregister") {
    queue::Worker row;
    row.id = worker;
    row.host = "host";
    row.pid = 42;
    row.version = "1.2.3";
    row.kinds = {"noop", "mail-*", "odd \"name\", {}"};
    row.slots = 64;
    pg::autocommit(session, [&](pg::Transaction& tx) {
        CHECK_FALSE(queue::beat(tx, worker, 1, queue::WorkerState::kRunning));
        queue::register_worker(tx, row);
        queue::register_worker(tx, row);
        CHECK(queue::beat(tx, worker, 5, queue::WorkerState::kDraining));
        const auto all = queue::list_workers(tx);
        REQUIRE(all.size() == 1);
        CHECK(all[0].id == worker);
        CHECK(all[0].pid == 42);
        CHECK(all[0].kinds == row.kinds);
        CHECK(all[0].running == 5);
        CHECK(all[0].state == queue::WorkerState::kDraining);
        CHECK_FALSE(all[0].is_leader);
        CHECK(all[0].seen_ago < 1min);
        CHECK(queue::prune_workers(tx, 1h) == 0);
        CHECK_FALSE(queue::a_worker_is_silent(tx, 1h));
        queue::unregister_worker(tx, worker);
        CHECK(queue::list_workers(tx).empty());
        queue::register_worker(tx, row);
    });
    database.execute("UPDATE workers SET seen_at = now() - interval '2 h'");
    CHECK(pg::autocommit(session, [](pg::Transaction& tx) { return queue::a_worker_is_silent(tx, 1h); }));
    CHECK(pg::autocommit(session, [](pg::Transaction& tx) { return queue::prune_workers(tx, 1h); }) == 1);
    CHECK_FALSE(pg::autocommit(session, [](pg::Transaction& tx) { return queue::a_worker_is_silent(tx, 1h); }));
}

TEST_CASE_METHOD(Workers, "leadership: one leads until its lease lapses or it resigns; every change is a new term") {
    CHECK(lead("a") == 1);
    CHECK(lead("a") == 1);
    CHECK_FALSE(lead("b"));
    database.execute("UPDATE leadership SET lease_until = now() - interval '1 s'");
    CHECK(lead("b") == 2);
    CHECK_FALSE(lead("a"));
    pg::autocommit(session, [&](pg::Transaction& tx) {
        queue::resign(tx, {"a"});
        queue::resign(tx, {"b"});
    });
    CHECK(lead("a") == 3);
}

TEST_CASE_METHOD(Workers, "leadership: of two that try at once one waits and loses") {
    pqxx::connection other{database.url()};
    pqxx::work first{other};
    first
        .exec("INSERT INTO leadership (name, worker_id, lease_until) VALUES ('janitor', 'a', now() + interval '1 min')")
        .no_rows();
    pg::Session second{[&] {
        auto s = database.settings();
        s.lock_timeout = 100ms;
        return s;
    }()};
    CHECK_THROWS(pg::autocommit(second, [](pg::Transaction& tx) { return queue::lead(tx, {"b"}, 60s).has_value(); }));
    first.commit();
    CHECK_FALSE(lead("b"));
}

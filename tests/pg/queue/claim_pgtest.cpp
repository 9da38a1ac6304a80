/// @file  What a claim takes, in which order, and what it never does.

#include <algorithm>

#include "queue/frontier.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using Ids = std::vector<core::JobId>;

TEST_CASE_METHOD(QueueFixture, "claim: a due job becomes running with attempt, epoch, worker and lease") {
    const auto id = insert("payload, max_attempts, timeout_seconds", R"('{"a": 1}', 7, 90)");
    const auto jobs = claim();
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].id == id);
    CHECK(jobs[0].payload == R"({"a": 1})");
    CHECK(jobs[0].attempt == 1);
    CHECK(jobs[0].max_attempts == 7);
    CHECK(jobs[0].lease_epoch.value == 1);
    CHECK(jobs[0].timeout == 90s);
    CHECK(field(id, "concat_ws(' ', status, attempts, lease_epoch, locked_by)") == "running 1 1 host-1-abc");
    CHECK(field(id, "lease_until > now() + interval '50 s' AND locked_at IS NOT NULL AND started_at IS NOT NULL") ==
          "t");
}

TEST_CASE_METHOD(QueueFixture, "claim: priority first, then run_at, then id, over all kinds") {
    const auto late = insert("priority, run_at", "1, now() - interval '1 h'");
    const auto second = insert("priority, run_at", "0, now() - interval '2 s'", "other");
    const auto third = insert("priority, run_at", "0, now() - interval '1 s'");
    const auto first = insert("priority, run_at", "-5, now()", "third");
    const auto same_time = "0, '2020-01-01'";
    const auto tie_a = insert("priority, run_at", same_time);
    const auto tie_b = insert("priority, run_at", same_time, "other");
    CHECK(ids_of(claim(10, {"noop", "other", "third"})) == Ids{first, tie_a, tie_b, second, third, late});
}

TEST_CASE_METHOD(QueueFixture, "claim: a limit takes the front of the merged order, whichever kinds it comes from") {
    Ids expected;
    for (int i = 0; i < 12; ++i) {
        expected.push_back(
            insert("run_at", "now() - interval '" + std::to_string(100 - i) + " s'", i % 3 == 0 ? "a" : "b"));
    }
    insert("priority, run_at", "9, '2020-01-01'", "a");
    for (std::size_t taken = 0; taken < 12; taken += 4)
        CHECK(ids_of(claim(4, {"a", "b"})) ==
              Ids(expected.begin() + static_cast<long>(taken), expected.begin() + static_cast<long>(taken) + 4));
    CHECK(claim(4, {"a", "b"}).size() == 1);
}

namespace {

queue::LowWater mark_at(const core::Job& job) { return {job.kind, job.priority, job.run_at, job.id}; }

}  // namespace

TEST_CASE_METHOD(QueueFixture,
                 "claim: marks hide what lies below them in their own kind and priority, and nothing else") {
    const auto same_time = "0, '2020-01-01 00:00:00.000001'";
    const auto below = insert("priority, run_at", "0, '2020-01-01 00:00:00'");
    const auto tie_below = insert("priority, run_at", same_time);
    const auto marked = insert("priority, run_at", same_time);
    const auto tie_above = insert("priority, run_at", same_time);
    const auto later = insert("priority, run_at", "0, now()");
    const auto urgent = insert("priority, run_at", "-1, '2020-01-01'");
    const auto between = insert("priority, run_at", "4, '2019-01-01'");
    const auto other_below = insert("priority, run_at", "7, '2019-01-01'");
    const auto other_marked = insert("priority, run_at", "7, '2019-01-02'");
    const auto last = insert("priority, run_at", "9, '2019-01-01'");
    const auto other_kind = insert("priority, run_at", "-5, '2019-01-01'", "other");
    std::vector<queue::LowWater> marks;
    {
        pg::Session first{database.settings()};
        // What a claim says of the two rows, and as if it had never been made.
        for (const auto& job : pg::autocommit(first, [&](pg::Transaction& tx) {
                 return queue::claim(tx, {.worker = worker, .kinds = {"noop"}, .limit = 100});
             }))
            if (job.id == marked || job.id == other_marked) marks.push_back(mark_at(job));
        REQUIRE(marks.size() == 2);
        database.execute(
            "UPDATE jobs SET status = 'pending', locked_by = NULL, locked_at = NULL, lease_until = NULL"
            "  WHERE status = 'running'");
    }
    const auto claim_above = [&](int limit) {
        return ids_of(pg::autocommit(session, [&](pg::Transaction& tx) {
            return queue::claim(tx, {.worker = worker, .kinds = {"noop", "other"}, .limit = limit, .low_water = marks});
        }));
    };
    const auto due_above = [&] {
        return pg::autocommit(session, [&](pg::Transaction& tx) {
            const std::vector<std::string> kinds{"noop"};
            return queue::next_due(tx, kinds, marks);
        });
    };
    CHECK(claim_above(2) == Ids{other_kind, urgent});
    CHECK(claim_above(3) == Ids{marked, tie_above, later});
    CHECK(due_above() == 0ms);
    CHECK(claim_above(9) == Ids{between, other_marked, last});
    CHECK(due_above() == std::nullopt);
    CHECK(claim_above(9).empty());
    CHECK(ids_of(claim(9)) == Ids{below, tie_below, other_below});
}

TEST_CASE_METHOD(QueueFixture, "claim: in turn nothing is taken while another session claims, and out of turn it is") {
    const auto first = insert();
    const auto second = insert();
    const auto claim_one = [&](bool in_turn) {
        return ids_of(pg::autocommit(session, [&](pg::Transaction& tx) {
            return queue::claim(tx, {.worker = worker, .kinds = {"noop"}, .in_turn = in_turn});
        }));
    };
    const auto is_under_way = [&] { return pg::autocommit(session, queue::claim_is_under_way); };
    const auto which = [&] { return pg::autocommit(session, queue::find_claim_under_way); };
    CHECK(which() == std::nullopt);
    std::optional<std::string> former;
    {
        // A claim whose transaction has not ended.
        pg::Session other{database.settings()};
        const std::function<void(pg::Transaction&)> body = [&](pg::Transaction& tx) {
            REQUIRE(ids_of(queue::claim(tx, {.worker = worker, .kinds = {"noop"}})) == Ids{first});
            CHECK(is_under_way());
            CHECK(claim_one(true).empty());
            CHECK(claim_one(false) == Ids{second});
            former = which();
            CHECK(former);
            CHECK(which() == former);
        };
        pg::in_transaction(other, body);
    }
    CHECK_FALSE(is_under_way());
    const auto third = insert();
    CHECK(claim_one(true) == Ids{third});
    CHECK_FALSE(is_under_way());
    CHECK(which() == std::nullopt);
    pg::Session other{database.settings()};
    const std::function<void(pg::Transaction&)> another = [&](pg::Transaction& tx) {
        (void)queue::claim(tx, {.worker = worker, .kinds = {"noop"}});
        CHECK(which());
        CHECK(which() != former);
    };
    pg::in_transaction(other, another);
}

TEST_CASE_METHOD(QueueFixture, "claim: how far claims have come is told at once, whatever becomes of who tells it") {
    const auto read = [&] { return pg::autocommit(session, queue::read_frontier); };
    CHECK_FALSE(read());
    const queue::Frontier told{7, -1, core::WallTime{1'790'000'000s}, 64ms};
    pg::Session other{database.settings()};
    const std::function<void(pg::Transaction&)> rolled_back = [&](pg::Transaction& tx) {
        queue::write_frontier(tx, told);
        throw std::runtime_error{"no commit"};
    };
    CHECK_THROWS(pg::in_transaction(other, rolled_back));
    const auto found = read();
    REQUIRE(found);
    CHECK(found->kind == 7);
    CHECK(found->priority == -1);
    CHECK(found->run_at == told.run_at);
    CHECK(found->look == 64ms);
    pg::autocommit(session, [](pg::Transaction& tx) { queue::write_frontier(tx, {1, 100, core::WallTime{1s}, 0ms}); });
    CHECK(read()->kind == 7);
}

TEST_CASE_METHOD(QueueFixture, "claim: a claim is committed asynchronously, and nothing else of its session is") {
    insert();
    const auto setting = [](pg::Transaction& tx) {
        return tx.raw().exec("SHOW synchronous_commit")[0][0].as<std::string>();
    };
    CHECK(pg::in_transaction(session, [&](pg::Transaction& tx) {
              REQUIRE(queue::claim(tx, {.worker = worker, .kinds = {"noop"}}).size() == 1);
              return setting(tx);
          }) == "off");
    CHECK(pg::autocommit(session, setting) != "off");
}

TEST_CASE_METHOD(QueueFixture, "claim: future jobs, other kinds and running jobs are left alone") {
    insert("run_at", "now() + interval '1 h'");
    insert("", "", "unhandled");
    const auto due = insert();
    CHECK(ids_of(claim()) == Ids{due});
    CHECK(claim().empty());
}

TEST_CASE_METHOD(QueueFixture, "claim: rows that another claim holds are skipped without waiting") {
    const auto first = insert();
    const auto second = insert();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("SELECT FROM jobs WHERE id = '" + first.to_string() + "' FOR UPDATE");
    CHECK(ids_of(claim()) == Ids{second});
    holder.abort();
    CHECK(ids_of(claim()) == Ids{first});
}

TEST_CASE_METHOD(QueueFixture, "claim: nothing after skips is told from nothing due") {
    const std::vector<std::string> kinds{"noop", "other"};
    const auto wait = [&] {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::next_due(tx, kinds); });
    };
    CHECK(wait() == std::nullopt);
    const auto id = insert();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("SELECT FROM jobs WHERE id = '" + id.to_string() + "' FOR UPDATE");
    CHECK(claim().empty());
    CHECK(wait() == 0ms);
    holder.abort();
    CHECK(claim().size() == 1);
    CHECK(wait() == std::nullopt);
    insert("run_at, priority", "now() + interval '1 h', 3", "other");
    insert("run_at", "'infinity'");
    REQUIRE(wait());
    CHECK(*wait() > 59min);
    CHECK(*wait() <= 1h);
}

TEST_CASE_METHOD(QueueFixture, "claim: two workers never get the same job, and together they get all") {
    for (int i = 0; i < 50; ++i) insert("priority", std::to_string(i % 3), i % 2 == 0 ? "noop" : "other");
    pg::Session second{database.settings()};
    Ids all;
    for (int round = 0; round < 10; ++round) {
        for (const auto& job : claim(3, {"noop", "other"})) all.push_back(job.id);
        for (const auto& job : claim_as(second, {"other-worker"}, 4, {"noop", "other"})) all.push_back(job.id);
    }
    CHECK(all.size() == 50);
    std::ranges::sort(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
}

TEST_CASE_METHOD(QueueFixture, "claim: a job that was claimed between the scan and the lock is not taken again") {
    const auto id = insert();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("UPDATE jobs SET status = 'running', lease_epoch = lease_epoch + 1, locked_by = 'other' WHERE id = '" +
                id.to_string() + "'");
    CHECK(claim().empty());
    holder.commit();
    CHECK(claim().empty());
    CHECK(field(id, "locked_by") == "other");
}

TEST_CASE_METHOD(QueueFixture, "claim: a claim is a heap-only update, and writes no index entry") {
    database.execute("INSERT INTO jobs (kind, payload) SELECT 'noop', '{\"n\": 1}' FROM generate_series(1, 200)");
    const auto updates = pg::in_transaction(session, [&](pg::Transaction& tx) {
        REQUIRE(queue::claim(tx, {.worker = worker, .kinds = {"noop"}, .limit = 200}).size() == 200);
        const auto row =
            tx.raw().exec("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'jobs'")[0];
        return std::pair{row[0].as<int>(), row[1].as<int>()};
    });
    CHECK(updates == std::pair{200, 200});
}

TEST_CASE_METHOD(QueueFixture, "claim: run_at at minus infinity is due and sorts first") {
    const auto second = insert();
    const auto first = insert("run_at", "'-infinity'");
    CHECK(ids_of(claim()) == Ids{first, second});
}

TEST_CASE_METHOD(QueueFixture, "claim: the kinds that patterns match against are those with unfinished rows") {
    insert("", "", "mail-send");
    insert("", "", "mail-send");
    insert("run_at", "now() + interval '1 h'", "agent");
    const auto done = running();
    settle(done, core::completed());
    const auto kinds = pg::autocommit(session, [](pg::Transaction& tx) { return queue::load_ready_kinds(tx); });
    CHECK(kinds == std::vector<std::string>{"agent", "mail-send"});
}

TEST_CASE_METHOD(QueueFixture, "claim one: takes that job, due or not, and says why when it cannot") {
    const auto one = [&](core::JobId id) {
        return pg::autocommit(session, [&](pg::Transaction& tx) { return queue::claim_one(tx, id, worker, 60s); });
    };
    const auto future = insert("run_at", "now() + interval '1 day'");
    const auto job = one(future);
    REQUIRE(job.has_value());
    CHECK(job->id == future);
    CHECK(one(future).error() == queue::ClaimRefusal::kNotPending);
    CHECK(one(core::JobId{}).error() == queue::ClaimRefusal::kNotFound);

    const auto head = insert("serial_key", "'lane'");
    const auto behind = insert("serial_key", "'lane'");
    CHECK(one(behind).error() == queue::ClaimRefusal::kLaneBusy);
    CHECK(one(head).has_value());
    CHECK(one(behind).error() == queue::ClaimRefusal::kLaneBusy);

    const auto held = insert();
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    holder.exec("SELECT FROM jobs WHERE id = '" + held.to_string() + "' FOR UPDATE");
    CHECK(one(held).error() == queue::ClaimRefusal::kLocked);
}

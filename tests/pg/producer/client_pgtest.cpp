/// @file  The public client: jobs in the caller's own transaction, one by one and in batches.

#include "oiab/client.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <thread>

#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

struct ClientFixture {
    TestDatabase database;
    pqxx::connection connection{database.url()};

    std::string count(const std::string& condition = "true") {
        return database.value("SELECT count(*) FROM jobs WHERE " + condition);
    }
};

client::NewJob job(std::string kind, std::optional<std::string> dedupe_key = std::nullopt) {
    client::NewJob made;
    made.kind = std::move(kind);
    made.dedupe_key = std::move(dedupe_key);
    return made;
}

client::NewJob full_job() {
    auto made = job("mail", "d");
    made.payload = R"({"text": "a\ttab, a \\ and a \n"})";
    made.run_at = std::chrono::system_clock::time_point{std::chrono::seconds{1'900'000'000} + 250ms};
    made.max_attempts = 9;
    made.priority = -3;
    made.serial_key = "lane\t\\N\n";
    made.tenant_id = "00000000-0000-0000-0000-000000000001";
    made.user_id = "00000000-0000-0000-0000-000000000002";
    made.timeout = 77s;
    return made;
}

constexpr const char* kColumns =
    "SELECT concat_ws('|', kind, payload, dedupe_key, extract(epoch FROM run_at), max_attempts, priority, serial_key, "
    "right(tenant_id::text, 1), right(user_id::text, 1), timeout_seconds, status) FROM jobs";

void enqueue_both_ways(bool batch, pqxx::transaction_base& tx, const std::vector<client::NewJob>& jobs) {
    if (batch) static_cast<void>(client::enqueue_all(tx, jobs));
    else
        for (const auto& one : jobs) static_cast<void>(client::enqueue(tx, one));
}

}  // namespace

TEST_CASE_METHOD(ClientFixture, "client: a job is there if and only if the caller's transaction commits") {
    const bool batch = GENERATE(false, true);
    database.execute("CREATE TABLE orders (id int)");
    for (const bool commits : {false, true}) {
        pqxx::work tx{connection};
        tx.exec("INSERT INTO orders VALUES (7)").no_rows();
        enqueue_both_ways(batch, tx, {job("mail"), job("mail", "k")});
        if (commits) tx.commit();
        else tx.abort();
        CHECK(count() == (commits ? "2" : "0"));
        CHECK(database.value("SELECT count(*) FROM orders") == (commits ? "1" : "0"));
    }
}

TEST_CASE_METHOD(ClientFixture, "client: every column arrives as given, and what is left out gets its default") {
    const bool batch = GENERATE(false, true);
    auto delayed = job("late");
    delayed.delay = 90s;
    pqxx::work tx{connection};
    enqueue_both_ways(batch, tx, {full_job(), job("bare"), delayed});
    tx.commit();
    CHECK(database.value(std::string{kColumns} + " WHERE kind = 'mail'") ==
          "mail|{\"text\": \"a\\ttab, a \\\\ and a \\n\"}|d|1900000000.250000|9|-3|lane\t\\N\n|1|2|77|pending");
    CHECK(database.value(
              "SELECT concat_ws(' ', payload, status, max_attempts, priority, run_at = created_at, lane_ready) FROM "
              "jobs WHERE kind = 'bare'") == "{} pending 3 0 t t");
    CHECK(database.value("SELECT run_at - created_at FROM jobs WHERE kind = 'late'") == "00:01:30");
}

TEST_CASE_METHOD(ClientFixture, "client: a key that is pending answers with the id of the job that has it") {
    pqxx::work tx{connection};
    const auto first = client::enqueue(tx, job("mail", "k"));
    const auto second = client::enqueue(tx, job("mail", "k"));
    CHECK(first.inserted);
    CHECK_FALSE(second.inserted);
    CHECK(first.id == second.id);
}

TEST_CASE_METHOD(ClientFixture,
                 "client batch: keys pending before it or twice in it are skipped and counted, across pieces") {
    database.execute("INSERT INTO jobs (kind, dedupe_key) VALUES ('old', 'pending'), ('old', 'running')");
    database.execute("UPDATE jobs SET status = 'running', locked_by = 'x' WHERE dedupe_key = 'running'");
    pqxx::work tx{connection};
    client::Batch batch{tx, 2};
    for (const auto* key : {"a", "pending", "b", "a", "running", "b", "c"}) batch.add(job("new", key));
    batch.add(job("new"));
    const auto counts = batch.finish();
    CHECK(counts.enqueued == 5);
    CHECK(counts.already_pending == 3);
    tx.commit();
    CHECK(
        database.value("SELECT string_agg(coalesce(dedupe_key, '-'), ' ' ORDER BY id) FROM jobs WHERE kind = 'new'") ==
        "a b running c -");
}

TEST_CASE_METHOD(ClientFixture, "client batch: waits for a producer that has not committed, and takes its answer") {
    const bool commits = GENERATE(false, true);
    pqxx::connection other{database.url()};
    pqxx::work producer{other};
    producer.exec("INSERT INTO jobs (kind, dedupe_key) VALUES ('noop', 'k')").no_rows();
    client::BatchCounts counts;
    std::jthread waiting{[&] {
        pqxx::work tx{connection};
        counts = client::enqueue_all(tx, {job("noop", "k")});
        tx.commit();
    }};
    eventually(
        10s,
        [&] {
            return database.value(
                       "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
                       "current_database()") == "1";
        },
        "the batch waits for the other producer");
    if (commits) producer.commit();
    else producer.abort();
    waiting.join();
    CHECK(counts.already_pending == (commits ? 1 : 0));
    CHECK(count() == "1");
}

TEST_CASE_METHOD(ClientFixture, "client batch: jobs of a lane keep their order, and ids grow with it") {
    pqxx::work tx{connection};
    client::Batch batch{tx, 30};
    for (int n = 100; n > 0; --n) {
        auto one = job("noop");
        one.payload = std::to_string(n);
        one.serial_key = "lane";
        batch.add(one);
    }
    CHECK(batch.finish().enqueued == 100);
    tx.commit();
    CHECK(database.value(
              "SELECT bool_and(n < before) FROM (SELECT payload::int AS n, lag(payload::int) OVER (ORDER BY lane_seq) "
              "AS before FROM jobs) AS in_order") == "t");
    CHECK(database.value(
              "SELECT bool_and(n < before) FROM (SELECT payload::int AS n, lag(payload::int) OVER (ORDER BY id) "
              "AS before FROM jobs) AS in_order") == "t");
}

TEST_CASE_METHOD(ClientFixture,
                 "client batch: data that the server refuses is told with its place and without its contents") {
    struct Wrong {
        std::function<void(client::NewJob&)> spoil;
        std::string sqlstate;
    };
    const std::vector<Wrong> all{{[](auto& one) { one.payload = "{secret"; }, "22P02"},
                                 {[](auto& one) { one.payload = R"({"secret": "\u0000"})"; }, "22P05"},
                                 {[](auto& one) { one.kind = std::string(201, 'k'); }, "23514"},
                                 {[](auto& one) { one.priority = 32'768; }, "22003"},
                                 {[](auto& one) { one.tenant_id = "nobody"; }, "22P02"},
                                 {[](auto& one) { one.timeout = 0s; }, "23514"}};
    for (const auto& wrong : all) {
        pqxx::work tx{connection};
        client::Batch batch{tx, 3};
        for (int n = 0; n < 4; ++n) batch.add(job("noop"));
        auto bad = job("noop");
        bad.payload = R"({"secret": 1})";
        wrong.spoil(bad);
        batch.add(bad);
        try {
            static_cast<void>(batch.finish());
            FAIL("taken");
        } catch (const client::Refused& refused) {
            INFO(refused.what());
            CHECK(refused.sqlstate() == wrong.sqlstate);
            CHECK(refused.first_job() == 5);
            CHECK(refused.last_job() == 5);
            CHECK(std::string_view{refused.what()}.find("secret") == std::string_view::npos);
        }
    }
    CHECK(count() == "0");
    // An index entry that is too long is noticed when the place is known no more.
    pqxx::work tx{connection};
    std::string incompressible;
    std::uint64_t state = 1;
    for (int n = 0; n < 8'000; ++n) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        incompressible += static_cast<char>('0' + (state >> 33U) % 64);
    }
    client::Batch batch{tx};
    batch.add(job("noop"));
    batch.add(job("noop", incompressible));
    try {
        static_cast<void>(batch.finish());
        FAIL("taken");
    } catch (const client::Refused& refused) {
        CHECK(refused.first_job() == 1);
        CHECK(refused.last_job() == 2);
    }
}

TEST_CASE_METHOD(ClientFixture, "client: a role that may only insert enqueues, also under row security") {
    database.execute("DROP ROLE IF EXISTS client_only; CREATE ROLE client_only; GRANT INSERT ON jobs TO client_only");
    REQUIRE(database.value("SELECT relrowsecurity FROM pg_class WHERE oid = 'jobs'::regclass") == "t");
    {
        pqxx::work tx{connection};
        tx.exec("SET LOCAL ROLE client_only").no_rows();
        CHECK(client::enqueue(tx, job("noop", "k")).inserted);
        CHECK(client::enqueue_all(tx, {job("noop", "k"), job("noop"), full_job()}).enqueued == 2);
        tx.commit();
    }
    CHECK(count() == "3");
    database.execute("DROP OWNED BY client_only; DROP ROLE client_only");
}

TEST_CASE_METHOD(ClientFixture, "client: two batches in one transaction, and none of anything leave nothing behind") {
    pqxx::work tx{connection};
    CHECK(client::enqueue_all(tx, {}).enqueued == 0);
    CHECK(client::enqueue_all(tx, {job("noop"), job("noop")}).enqueued == 2);
    CHECK(client::enqueue_all(tx, {job("noop")}).enqueued == 1);
    CHECK(tx.query_value<bool>("SELECT to_regclass('pg_temp.oiabd_batch') IS NULL"));
    tx.commit();
    CHECK(count() == "3");
}

TEST_CASE_METHOD(ClientFixture, "client: do_not_notify keeps the rest of one transaction silent") {
    pqxx::connection listener{database.url()};
    int heard = 0;
    listener.listen("oiab_jobs", [&](const pqxx::notification&) { ++heard; });
    for (const bool silent : {true, false}) {
        pqxx::work tx{connection};
        if (silent) client::do_not_notify(tx);
        static_cast<void>(client::enqueue(tx, job("noop")));
        static_cast<void>(client::enqueue_all(tx, {job("noop")}));
        tx.commit();
        pqxx::nontransaction{listener}.exec("SELECT 1");
        listener.get_notifs();
        CHECK(heard == (silent ? 0 : 1));
    }
}

/// @file  What is added to a transaction, and transactions that several callers share.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch_test_macros.hpp>
#include <future>
#include <latch>
#include <pqxx/pqxx>
#include <semaphore>

#include "pg/lane_group.hpp"
#include "pg/questions.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

const pg::Statement kWrite{"test_write",
                           "INSERT INTO written (name, written_by) SELECT r.name, txid_current() FROM "
                           "jsonb_to_recordset($1::jsonb) AS r (name text) WHERE r.name <> 'skipped' RETURNING name"};
const pg::Statement kCount{"test_count", "SELECT count(*) FROM written"};

struct Absent {};

struct Written {
    TestDatabase database{Content::kEmpty};
    Written() {
        database.execute(
            "CREATE TABLE written (place serial, name text NOT NULL UNIQUE, written_by bigint, "
            "statement timestamptz DEFAULT statement_timestamp())");
    }
    static void add(pg::Transaction& tx, const std::string& name) {
        tx.add(kWrite, R"({"name":")" + name + R"("})", [] { throw Absent{}; });
    }
    static int count(pg::Transaction& tx) { return tx.run(kCount, {})[0][0].as<int>(); }
    static int look(pg::Transaction& tx) { return tx.look(kCount, {})[0][0].as<int>(); }
    [[nodiscard]] std::string names() {
        return database.value("SELECT string_agg(name, ',' ORDER BY name) FROM written");
    }
};

/// Callers of a group whose shared transactions wait until the test opens the gate.
struct Callers : Written {
    pg::LaneGroup lanes{"shared", 2, database.settings()};
    boost::asio::thread_pool pool{1};
    std::latch gate{1};
    std::latch closed{1};
    std::counting_semaphore<> begun{0};
    int called = 0;
    std::future<void> gatekeeper;

    Callers() {
        auto hold = [this](pg::Transaction&) {
            closed.count_down();
            gate.wait();
        };
        gatekeeper = call(hold);
        closed.wait();
        begun.acquire();
        called = 0;
    }
    ~Callers() { pool.join(); }

    template <typename Body>
    std::future<void> call(Body body, pg::Stage stage = pg::Stage::kBeginning, pg::Announcements announcements = {}) {
        ++called;
        auto work = [](Callers& self, Body inner, pg::Stage at,
                       pg::Announcements announced) -> boost::asio::awaitable<void> {
            // Its part is queued before anything that is posted from here on runs on this thread.
            boost::asio::post(co_await boost::asio::this_coro::executor, [&self] { self.begun.release(); });
            co_await self.lanes.transact_together(inner, at, std::move(announced));
        };
        return boost::asio::co_spawn(pool, work(*this, std::move(body), stage, std::move(announcements)),
                                     boost::asio::use_future);
    }
    std::future<void> write(const std::string& name) {
        return call([name](pg::Transaction& tx) { add(tx, name); });
    }
    /// Lets them go, once all who were called wait behind the gate.
    void open() {
        for (int i = 0; i < called; ++i) begun.acquire();
        gate.count_down();
        gatekeeper.get();
    }
    [[nodiscard]] std::string transactions() {
        return database.value("SELECT count(DISTINCT written_by) FROM written");
    }
};

}  // namespace

TEST_CASE_METHOD(Written, "look once: each key is asked for once in a transaction") {
    const pg::Statement names{"test_names", "SELECT $1 || count(*) FROM written"};
    pg::Session session{database.settings()};
    const auto ask = [&](pg::Transaction& tx, const std::string& prefix) {
        return tx.look_once(names, pqxx::params{prefix}, prefix)[0][0].as<std::string>();
    };
    for (const auto* expected : {"0", "1"}) {
        const std::string before{expected};
        pg::in_transaction(session, std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                               CHECK(ask(tx, "a") == "a" + before);
                               database.execute("INSERT INTO written (name) VALUES ('" + before + "')");
                               CHECK(ask(tx, "a") == "a" + before);
                               CHECK(ask(tx, "b") == "b" + std::to_string(std::stoi(before) + 1));
                           }});
    }
}

TEST_CASE_METHOD(Written,
                 "transaction: what was added is written by one statement, before the next one and the commit") {
    pg::Session session{database.settings()};
    pg::in_transaction(session, [&](pg::Transaction& tx) {
        add(tx, "a");
        add(tx, "b");
        CHECK(look(tx) == 0);
        CHECK(count(tx) == 2);
        add(tx, "c");
    });
    CHECK(names() == "a,b,c");
    CHECK(database.value("SELECT count(DISTINCT statement) FROM written") == "2");
    pg::autocommit(session, [&](pg::Transaction& tx) { add(tx, "d"); });
    CHECK(names() == "a,b,c,d");
}

TEST_CASE_METHOD(Written, "transaction: a row that was not written is told, and takes the transaction back") {
    pg::Session session{database.settings()};
    CHECK_THROWS_AS(pg::in_transaction(session,
                                       [&](pg::Transaction& tx) {
                                           add(tx, "a");
                                           add(tx, "skipped");
                                       }),
                    Absent);
    CHECK(names() == "NULL");
}

TEST_CASE_METHOD(Written, "shared transactions: the lanes that serve them are different ones, however busy all are") {
    pg::LaneGroup lanes{"shared", 4, database.settings()};
    boost::asio::thread_pool pool{1};
    std::latch gate{1};
    std::latch others{1};
    std::latch held{4};
    const auto call = [&](auto body, bool together) {
        auto work = [](pg::LaneGroup& group, auto inner, bool shared) -> boost::asio::awaitable<void> {
            if (shared) {
                co_await group.transact_together(inner);
            } else {
                co_await group.transact(inner);
            }
        };
        return boost::asio::co_spawn(pool, work(lanes, std::move(body), together), boost::asio::use_future);
    };
    auto first = call(
        [&](pg::Transaction&) {
            held.count_down();
            gate.wait();
        },
        true);
    std::vector<std::future<void>> busy;
    for (int i = 0; i < 3; ++i) {
        busy.push_back(call(
            [&](pg::Transaction&) {
                held.count_down();
                others.wait();
            },
            false));
    }
    held.wait();
    // Every lane has one piece of work, and the first of them serves shared transactions already.
    auto second = call([](pg::Transaction& tx) { add(tx, "second"); }, true);
    std::promise<void> queued;
    boost::asio::post(pool, [&] { queued.set_value(); });
    queued.get_future().get();
    others.count_down();
    CHECK(second.wait_for(30s) == std::future_status::ready);
    gate.count_down();
    first.get();
    second.get();
    for (auto& one : busy) one.get();
    CHECK(names() == "second");
    pool.join();
}

TEST_CASE_METHOD(Callers, "shared transactions: those who wait are committed together") {
    std::vector<std::future<void>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(write("w" + std::to_string(i)));
    open();
    for (auto& call : calls) call.get();
    CHECK(database.value("SELECT count(*) FROM written") == "8");
    CHECK(transactions() == "1");
}

TEST_CASE_METHOD(Callers,
                 "shared transactions: what several announce is asked by one statement, and each gets its own rows") {
    database.execute("CREATE SEQUENCE statements");
    const pg::Statement letters{
        "test_letters",
        "SELECT q.place, q.word, l.letter, (SELECT nextval('statements')) AS statement "
        "FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (word text)) WITH ORDINALITY AS q (word, place), "
        "regexp_split_to_table(q.word, '') WITH ORDINALITY AS l (letter, at) WHERE q.word <> '' "
        "ORDER BY q.place, l.at"};
    const auto question = [](const std::string& word) { return R"({"word":")" + word + R"("})"; };
    std::string seen;
    const auto ask = [&](const std::string& word) {
        return [&, word](pg::Transaction& tx) {
            const auto answer = tx.look_for(letters, question(word));
            seen += word + "=";
            std::string last;
            for (const auto& row : answer) {
                seen += row["letter"].as<std::string>();
                last = row["statement"].as<std::string>();
            }
            seen += "@" + last + " ";
        };
    };
    const auto announce = [&](const std::string& word) {
        return [&, word](pg::Transaction& tx) { tx.announce(letters, question(word)); };
    };
    std::vector<std::future<void>> calls;
    calls.push_back(call(ask("ab"), pg::Stage::kBeginning, {announce("ab"), announce("later")}));
    calls.push_back(call(ask("c"), pg::Stage::kBeginning, {announce("c")}));
    calls.push_back(call(ask(""), pg::Stage::kBeginning, {announce("")}));
    calls.push_back(call(ask("ab"), pg::Stage::kBeginning, {announce("ab")}));
    // The answer to "ab" was given twice, to those who had announced it; "d" nobody had, and "later" nobody asked.
    calls.push_back(call(ask("ab")));
    calls.push_back(call(ask("d")));
    open();
    for (auto& one : calls) one.get();
    CHECK(seen == "ab=ab@1 c=c@1 =@ ab=ab@1 ab=ab@2 d=d@3 ");
}

TEST_CASE_METHOD(Callers, "shared transactions: one that fails takes nobody along, and each learns its own end") {
    auto first = write("first");
    auto twice = write("first");
    auto absent = write("skipped");
    auto throws = call([](pg::Transaction& tx) {
        add(tx, "thrown");
        throw std::runtime_error{"of its own"};
    });
    auto last = write("last");
    open();
    CHECK_NOTHROW(last.get());
    CHECK_THROWS_AS(absent.get(), Absent);
    CHECK_THROWS_AS(throws.get(), std::runtime_error);
    // Whichever came first has the name.
    int refused = 0;
    for (auto* one : {&first, &twice}) {
        try {
            one->get();
        } catch (const pg::DatabaseError& error) {
            CHECK(error.sqlstate() == "23505");
            ++refused;
        }
    }
    CHECK(refused == 1);
    CHECK(names() == "first,last");
}

TEST_CASE_METHOD(Callers,
                 "shared transactions: a session that breaks is everyone's trouble, and the next ones have a new one") {
    auto breaks = call([](pg::Transaction& tx) { tx.raw().exec("SELECT pg_terminate_backend(pg_backend_pid())"); });
    open();
    CHECK_THROWS_AS(breaks.get(), pg::DatabaseError);
    CHECK_NOTHROW(write("after").get());
    CHECK(names() == "after");
}

TEST_CASE_METHOD(
    Callers, "shared transactions: what is under way goes before what begins and what ends, and passes nobody over") {
    std::string order;
    std::vector<std::future<void>> calls;
    const auto wait = [&](int count, pg::Stage stage, char sign) {
        for (int i = 0; i < count; ++i)
            calls.push_back(call([&order, sign](pg::Transaction&) { order += sign; }, stage));
    };
    wait(40, pg::Stage::kEnding, 'e');
    wait(40, pg::Stage::kBeginning, 'b');
    wait(200, pg::Stage::kUnderWay, 'u');
    open();
    for (auto& one : calls) one.get();
    const auto many = [](std::size_t count, char sign) { return std::string(count, sign); };
    // Every fourth transaction another stage comes first: the third and the seventh here.
    CHECK(order ==
          many(64, 'u') + many(32, 'b') + many(96, 'u') + many(32, 'e') + many(40, 'u') + many(8, 'b') + many(8, 'e'));
}

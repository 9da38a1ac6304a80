#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "queue/pauses.hpp"
#include "support/engine_fixture.hpp"

using namespace std::chrono_literals;
using namespace oiab;
using tests::eventually;
using tests::LambdaHandler;
using tests::RunningEngine;
using tests::TestDatabase;

namespace {

namespace asio = boost::asio;

asio::awaitable<void> pause(std::chrono::milliseconds wait) {
    asio::steady_timer timer{co_await asio::this_coro::executor, wait};
    co_await timer.async_wait(asio::use_awaitable);
}

std::shared_ptr<LambdaHandler> handler(LambdaHandler::Body body) {
    return std::make_shared<LambdaHandler>(std::move(body));
}

}  // namespace

TEST_CASE("engine: a row inserted by any client runs and is completed with its result") {
    TestDatabase database;
    Registry registry;
    registry.add("greet", handler([](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     const auto name = attempt.job().payload_json().at("name").get<std::string>();
                     co_return core::completed(nlohmann::json{{"greeting", "hello " + name}}.dump());
                 }));
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute(R"(INSERT INTO jobs (kind, payload) VALUES ('greet', '{"name": "Ada"}'))");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "completed"; }, "the job is completed");
    CHECK(database.value("SELECT result->>'greeting' FROM jobs") == "hello Ada");
    CHECK(database.value("SELECT attempts FROM jobs") == "1");
    CHECK(database.value("SELECT finished_at IS NOT NULL AND started_at IS NOT NULL FROM jobs") == "t");
    const auto report = engine.stop();
    CHECK(report.left.empty());
    CHECK(report.unsettled == 0);
}

TEST_CASE("engine: where finished jobs are not kept, their steps go with them") {
    TestDatabase database;
    Registry registry;
    std::atomic<int> calls{0};
    const auto one_step = [](Attempt& attempt) -> asio::awaitable<void> {
        Attempt::StepBody body = [](StepCall) -> asio::awaitable<nlohmann::json> { co_return 1; };
        (void)co_await attempt.step("one", {}, std::move(body), {});
    };
    registry.add("plain", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    registry.add("step", handler([one_step](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     co_await one_step(attempt);
                     co_return core::completed();
                 }));
    registry.add("step-in", handler([](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     auto record = [&attempt](pg::Transaction& tx) {
                         (void)attempt.step_in(tx, "one", {}, [] { return nlohmann::json(1); });
                     };
                     co_await attempt.store().transact(std::move(record));
                     co_return core::completed();
                 }));
    // The attempt that completes knows of no step: the one before recorded it.
    registry.add("retry", handler([one_step, &calls](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     if (calls++ > 0) co_return core::completed();
                     co_await one_step(attempt);
                     co_return core::retry("once more", 0ms);
                 }));
    auto settings = tests::quick_settings(database);
    settings.delete_on_complete = true;
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('plain'), ('step'), ('step-in'), ('retry')");
    eventually(10s, [&] { return calls == 2 && database.value("SELECT count(*) FROM jobs") == "0"; }, "all are gone");
    CHECK(database.value("SELECT count(*) FROM job_steps") == "0");
}

TEST_CASE("engine: jobs of kinds without a handler are never claimed, and patterns find theirs") {
    TestDatabase database;
    Registry registry;
    registry.add("report-*", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('report-daily'), ('unknown'), ('report-weekly')");
    eventually(
        10s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "2"; },
        "both reports are completed");
    CHECK(database.value("SELECT status || attempts FROM jobs WHERE kind = 'unknown'") == "pending0");
}

TEST_CASE("engine: a failing job is retried with backoff and fails for good at max_attempts") {
    TestDatabase database;
    Registry registry;
    KindSettings settings;
    settings.retry = {.base = 20ms, .cap = 50ms};
    registry.add("flaky", handler([](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     if (attempt.job().attempt < 3) throw std::runtime_error{"not today"};
                     co_return core::completed();
                 }),
                 settings);
    registry.add("hopeless",
                 handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::retry("never"); }), settings);
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('flaky'), ('hopeless')");
    eventually(
        10s, [&] { return database.value("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL") == "2"; },
        "both jobs are final");
    CHECK(database.value("SELECT status || attempts FROM jobs WHERE kind = 'flaky'") == "completed3");
    CHECK(database.value("SELECT jsonb_array_length(attempt_errors) FROM jobs WHERE kind = 'flaky'") == "2");
    CHECK(database.value("SELECT status || attempts || last_error FROM jobs WHERE kind = 'hopeless'") ==
          "failed3never");
}

TEST_CASE("engine: twenty thousand jobs of two kinds are each run exactly once") {
    TestDatabase database;
    std::atomic<int> runs{0};
    Registry registry;
    for (const auto* kind : {"a", "b"})
        registry.add(kind, handler([&runs](Attempt&) -> asio::awaitable<core::Outcome> {
                         runs.fetch_add(1, std::memory_order_relaxed);
                         co_return core::completed();
                     }));
    database.execute(
        "INSERT INTO jobs (kind) SELECT CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END "
        "FROM generate_series(1, 20000) AS n");
    RunningEngine engine{tests::quick_settings(database), registry};
    eventually(
        60s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "20000"; },
        "all jobs are completed");
    CHECK(runs == 20000);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE attempts <> 1 OR lease_epoch <> 1") == "0");
}

TEST_CASE("engine: a deadline cancels the handler and settles as a retry for timeout") {
    TestDatabase database;
    Registry registry;
    KindSettings settings;
    settings.timeout = 200ms;
    registry.add("slow", handler([](Attempt&) -> asio::awaitable<core::Outcome> {
                     co_await pause(60s);
                     co_return core::completed();
                 }),
                 settings);
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind, max_attempts) VALUES ('slow', 1)");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "failed"; }, "the job has timed out");
    CHECK(database.value("SELECT failure_reason FROM jobs") == "timeout");
}

TEST_CASE("engine: a cancellation reaches the running handler and the job ends as cancelled") {
    TestDatabase database;
    Registry registry;
    std::atomic<bool> told{false};
    registry.add("long", handler([&told](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     try {
                         co_await pause(60s);
                     } catch (const boost::system::system_error&) {
                         told = attempt.cancelled() == core::CancelReason::kUser;
                         throw;
                     }
                     co_return core::completed();
                 }));
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('long')");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "running"; }, "the job runs");
    database.execute(
        "UPDATE jobs SET cancel_requested_at = now(); "
        "SELECT pg_notify('oiab_control', 'cancel ' || id) FROM jobs");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "failed"; }, "the job is cancelled");
    CHECK(database.value("SELECT failure_reason FROM jobs") == "cancelled");
    CHECK(told);
}

TEST_CASE("engine: draining lets running jobs finish and gives unstarted ones back uncounted") {
    TestDatabase database;
    Registry registry;
    std::atomic<int> begun{0};
    std::atomic<bool> go{false};
    registry.add("steady", handler([&](Attempt&) -> asio::awaitable<core::Outcome> {
                     ++begun;
                     while (!go) co_await pause(5ms);
                     co_return core::completed();
                 }));
    auto settings = tests::quick_settings(database);
    settings.slots = 2;
    RunningEngine engine{settings, registry};
    database.execute("INSERT INTO jobs (kind) SELECT 'steady' FROM generate_series(1, 10)");
    eventually(10s, [&] { return begun == 2; }, "both slots are taken");
    engine->request_stop();
    eventually(10s, [&] { return engine->stage() == runtime::Stage::kDraining; }, "the engine drains");
    go = true;
    const auto report = engine.stop(0);
    CHECK(report.left.empty());
    CHECK(begun == 2);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'completed' AND attempts = 1") == "2");
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'pending' AND attempts = 0 AND locked_by IS NULL") ==
          "8");
}

TEST_CASE("engine: a second stop cancels what runs, and it goes back uncounted") {
    TestDatabase database;
    Registry registry;
    registry.add("long", handler([](Attempt&) -> asio::awaitable<core::Outcome> {
                     co_await pause(60s);
                     co_return core::completed();
                 }));
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('long')");
    eventually(10s, [&] { return database.value("SELECT status FROM jobs") == "running"; }, "the job runs");
    const auto report = engine.stop(2);
    CHECK(report.left.empty());
    CHECK(database.value("SELECT status || attempts FROM jobs") == "pending0");
}

TEST_CASE("engine: stopping at once after the start, or twice, leaves nothing behind") {
    TestDatabase database;
    Registry registry;
    registry.add("any", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    for (int i = 0; i < 5; ++i) {
        database.execute("INSERT INTO jobs (kind) SELECT 'any' FROM generate_series(1, 50)");
        RunningEngine engine{tests::quick_settings(database), registry};
        const auto report = engine.stop(1 + i % 2);
        CHECK(report.left.empty());
        CHECK(report.unsettled == 0);
        CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'running'") == "0");
    }
    CHECK(database.value("SELECT count(*) FROM workers") == "0");
}

TEST_CASE("engine: jobs of one lane run one at a time and in order, whatever the slots") {
    TestDatabase database;
    Registry registry;
    std::mutex mutex;
    std::vector<int> order;
    std::atomic<int> inside{0};
    std::atomic<bool> overlapped{false};
    registry.add("turn", handler([&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     if (++inside > 1) overlapped = true;
                     co_await pause(2ms);
                     {
                         const std::scoped_lock lock{mutex};
                         order.push_back(attempt.job().payload_json().at("n").get<int>());
                     }
                     --inside;
                     co_return core::completed();
                 }));
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute(
        "INSERT INTO jobs (kind, payload, serial_key) "
        "SELECT 'turn', jsonb_build_object('n', n), 'lane' FROM generate_series(1, 30) AS n");
    eventually(
        30s, [&] { return database.value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "30"; },
        "the lane is done");
    CHECK_FALSE(overlapped);
    CHECK(std::ranges::is_sorted(order));
}

TEST_CASE("engine: the first of many lanes run before the last are looked at") {
    TestDatabase database;
    Registry registry;
    registry.add("turn", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    pg::Session holder{database.settings()};
    pqxx::work transaction{holder.connection()};
    transaction.exec("SELECT pg_advisory_xact_lock(lane_lock_id('lane 900'))");
    auto settings = tests::quick_settings(database);
    settings.session.lock_timeout = settings.session.statement_timeout = 0ms;
    RunningEngine engine{settings, registry};
    database.execute(
        "INSERT INTO jobs (kind, serial_key) SELECT 'turn', 'lane ' || n FROM generate_series(1, 1000) AS n");
    const auto completed = [&] {
        return std::stoi(database.value("SELECT count(*) FROM jobs WHERE status = 'completed'"));
    };
    eventually(30s, [&] { return completed() >= 100; }, "the first lanes have run");
    transaction.commit();
    eventually(30s, [&] { return completed() == 1000; }, "all lanes have run");
}

TEST_CASE("engine: a paused kind waits and runs after the resume") {
    TestDatabase database;
    Registry registry;
    registry.add("p", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    registry.add("q", handler([](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::completed(); }));
    pg::Session session{database.settings()};
    queue::pause(session, {queue::PauseScope::kKind, "p", "", "", ""});
    RunningEngine engine{tests::quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('p'), ('q')");
    eventually(
        10s, [&] { return database.value("SELECT status FROM jobs WHERE kind = 'q'") == "completed"; }, "q runs");
    CHECK(database.value("SELECT status FROM jobs WHERE kind = 'p'") == "pending");
    queue::resume(session, queue::PauseScope::kKind, "p");
    eventually(
        10s, [&] { return database.value("SELECT status FROM jobs WHERE kind = 'p'") == "completed"; }, "p runs");
}

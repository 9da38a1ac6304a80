// Steps whose records share a transaction: with the next record of the attempt, or with the work itself.
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/engine_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;
namespace asio = boost::asio;

namespace {

/// One job of one kind, whose handler is the test's.
struct Stage {
    explicit Stage(LambdaHandler::Body body) {
        KindSettings settings;
        settings.retry.base = 1ms;
        registry.add("work", std::make_shared<LambdaHandler>(std::move(body)), settings);
        engine = std::make_unique<RunningEngine>(quick_settings(database), registry);
        database.execute("INSERT INTO jobs (kind) VALUES ('work')");
        eventually(
            30s, [&] { return database.value("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL") == "1"; },
            "the job is final");
    }
    std::string steps() {
        return database.value(
            "SELECT coalesce(string_agg(name || ' ' || status || coalesce(' ' || result::text, ''), ', ' ORDER BY "
            "name), "
            "'none') FROM job_steps");
    }

    TestDatabase database;
    Registry registry;
    std::unique_ptr<RunningEngine> engine;
};

/// A step that counts how often its body runs.
asio::awaitable<json> counted_step(Attempt& attempt, std::string name, int& bodies, StepOptions options) {
    Attempt::StepBody body = [&bodies](StepCall) -> asio::awaitable<json> { co_return json(++bodies); };
    json input = json::object();
    co_return co_await attempt.step(std::move(name), std::move(input), std::move(body), std::move(options));
}

StepOptions with_next() {
    StepOptions options;
    options.repeatable = true;
    options.settle_with_next = true;
    return options;
}

asio::awaitable<core::Outcome> complete(Attempt& attempt) {
    std::function<std::string(pg::Transaction&)> keep = [](pg::Transaction&) { return "{}"; };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace

TEST_CASE("step: a result is written with the next step's intention, and the last one with the completion") {
    int bodies = 0;
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        (void)co_await counted_step(attempt, "a", bodies, with_next());
        (void)co_await counted_step(attempt, "b", bodies, with_next());
        co_return co_await complete(attempt);
    }};
    CHECK(stage.steps() == "a done 1, b done 2");
    // One transaction wrote the row of a step last, and the row of the job.
    CHECK(stage.database.value("SELECT s.xmin = j.xmin FROM job_steps s, jobs j WHERE s.name = 'b'") == "t");
    CHECK(stage.database.value("SELECT s.finished_at = n.started_at FROM job_steps s, job_steps n "
                               "WHERE s.name = 'a' AND n.name = 'b'") == "t");
}

TEST_CASE("step: a result that waits for a next record is written however the handler ends") {
    for (const auto& end : std::initializer_list<std::function<core::Outcome(Attempt&)>>{
             [](Attempt&) { return core::retry("not yet"); },
             [](Attempt&) -> core::Outcome { throw EndAttempt{core::retry("not yet")}; },
             [](Attempt&) -> core::Outcome { throw std::runtime_error{"broken"}; }}) {
        int bodies = 0;
        int kept = 0;
        Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
            StepOptions options = with_next();
            options.keep = [&kept](pg::Transaction&) { ++kept; };
            const json result = co_await counted_step(attempt, "a", bodies, std::move(options));
            if (attempt.job().attempt == 1) co_return end(attempt);
            co_return core::completed(result.dump());
        }};
        CHECK(bodies == 1);
        CHECK(kept == 1);
        CHECK(stage.steps() == "a done 1");
        CHECK(stage.database.value("SELECT result FROM jobs") == "1");
    }
}

TEST_CASE("step: a result that waits for a next record is written when the attempt is cancelled meanwhile") {
    TestDatabase database;
    Registry registry;
    std::atomic<bool> waiting{false};
    registry.add("work", std::make_shared<LambdaHandler>([&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                     int bodies = 0;
                     (void)co_await counted_step(attempt, "a", bodies, with_next());
                     asio::steady_timer never{co_await asio::this_coro::executor, std::chrono::hours{1}};
                     waiting = true;
                     co_await never.async_wait(asio::use_awaitable);
                     co_return core::completed();
                 }));
    RunningEngine engine{quick_settings(database), registry};
    database.execute("INSERT INTO jobs (kind) VALUES ('work')");
    eventually(30s, [&] { return waiting.load(); }, "the step is done");
    CHECK(database.value("SELECT status FROM job_steps") == "intended");
    database.execute(
        "UPDATE jobs SET cancel_requested_at = now(); SELECT pg_notify('oiab_control', 'cancel ' || id) FROM jobs");
    eventually(30s, [&] { return database.value("SELECT status FROM jobs") == "failed"; }, "the job is cancelled");
    CHECK(database.value("SELECT status FROM job_steps") == "done");
}

TEST_CASE("step: a completion that the database refuses leaves the last result recorded") {
    int bodies = 0;
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        (void)co_await counted_step(attempt, "a", bodies, with_next());
        const bool first = attempt.job().attempt == 1;
        std::function<std::string(pg::Transaction&)> keep = [first](pg::Transaction& tx) {
            if (first) (void)tx.raw().exec("SELECT 1 / 0");
            return "{}";
        };
        co_return co_await attempt.complete_in(std::move(keep));
    }};
    CHECK(bodies == 1);
    CHECK(stage.database.value("SELECT status || ' ' || attempts FROM jobs") == "completed 2");
}

TEST_CASE("step: what prepare throws takes the intention back, and not the step before") {
    int bodies = 0;
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        (void)co_await counted_step(attempt, "a", bodies, with_next());
        StepOptions options;
        options.prepare = [](pg::Transaction&, const StepCall&) {
            throw EndAttempt{core::failed(core::FailureReason::kBudget, "nothing is left")};
        };
        (void)co_await counted_step(attempt, "b", bodies, std::move(options));
        co_return core::completed();
    }};
    CHECK(bodies == 1);
    CHECK(stage.steps() == "a done 1");
    CHECK(stage.database.value("SELECT failure_reason || ': ' || last_error FROM jobs") == "budget: nothing is left");
}

TEST_CASE("step: prepare runs with the key of the call, once a body, also where the step is repeated") {
    std::vector<std::string> seen;
    int bodies = 0;
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        StepOptions options;
        options.repeatable = true;
        options.prepare = [&](pg::Transaction& tx, const StepCall& call) {
            attempt.guard_in(tx);
            seen.push_back(call.idempotency_key + (call.repeated ? " again" : ""));
        };
        Attempt::StepBody body = [&](StepCall) -> asio::awaitable<json> {
            if (++bodies == 1) throw EffectUnknown{"no answer came"};
            co_return json(bodies);
        };
        json input = json::object();
        (void)co_await attempt.step("a", std::move(input), std::move(body), std::move(options));
        co_return core::completed();
    }};
    const std::string id = stage.database.value("SELECT id FROM jobs");
    CHECK(seen == std::vector<std::string>{id + ":a", id + ":a again"});
    CHECK(stage.steps() == "a done 2");
}

TEST_CASE("step_in: the result commits with the transaction, and a later attempt gets it back") {
    int bodies = 0;
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        const auto work = [&](pg::Transaction& tx) {
            const json result = attempt.step_in(tx, "a", json{{"of", 1}}, [&] { return json(++bodies); });
            if (attempt.job().attempt == 1) throw EndAttempt{core::retry("rolled back")};
            return result;
        };
        json result = co_await attempt.transact(work);
        if (attempt.job().attempt == 2) co_return core::retry("not yet");
        co_return core::completed(result.dump());
    }};
    CHECK(bodies == 2);
    CHECK(stage.steps() == "a done 2");
    CHECK(stage.database.value("SELECT result::text || ' ' || attempts FROM jobs") == "2 3");
}

TEST_CASE("step_in: another input under the same name fails the job") {
    Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        const auto work = [&](pg::Transaction& tx) {
            (void)attempt.step_in(tx, "a", json{{"of", attempt.job().attempt}}, [] { return json(1); });
        };
        co_await attempt.transact(work);
        co_return core::retry("again");
    }};
    CHECK(stage.database.value("SELECT last_error FROM jobs").find("recorded for a different input") !=
          std::string::npos);
}

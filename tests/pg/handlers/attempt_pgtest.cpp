// What every handler may rely on, whatever its kind: steps, progress and outcomes as they are stored.
#include <boost/asio/redirect_error.hpp>
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
    explicit Stage(LambdaHandler::Body body, KindSettings settings = {}) {
        registry.add("work", std::make_shared<LambdaHandler>(std::move(body)), settings);
        engine = std::make_unique<RunningEngine>(quick_settings(database), registry);
    }
    void enqueue() { job = database.value("INSERT INTO jobs (kind) VALUES ('work') RETURNING id"); }
    std::string column(const std::string& expression) {
        return database.value("SELECT " + expression + " FROM jobs WHERE id = $1", pqxx::params{job});
    }
    void finish() {
        eventually(30s, [&] { return column("finished_at IS NOT NULL") == "t"; }, "the job is final");
    }

    TestDatabase database;
    Registry registry;
    std::unique_ptr<RunningEngine> engine;
    std::string job;
};

asio::awaitable<void> wait_until_cancelled() {
    co_await asio::this_coro::throw_if_cancelled(false);
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) {
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) break;
        timer.expires_after(1ms);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_await asio::this_coro::throw_if_cancelled(true);
}

}  // namespace

TEST_CASE(
    "step: one whose body ends although a cancellation came is recorded as done, and one unsure of itself is not") {
    for (const bool sure : {true, false}) {
        Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
            Attempt::StepBody body = [&](StepCall) -> asio::awaitable<json> {
                attempt.heartbeat();
                co_await wait_until_cancelled();
                if (!sure) throw EffectUnknown{"no answer came"};
                co_return json{{"sent", 1}};
            };
            json input{{"to", "somebody"}};
            (void)co_await attempt.step("send", std::move(input), std::move(body), {});
            co_return core::completed();
        }};
        stage.enqueue();
        eventually(30s, [&] { return stage.database.value("SELECT status FROM job_steps") == "intended"; }, "it began");
        stage.database.execute(
            "UPDATE jobs SET cancel_requested_at = now(); SELECT pg_notify('oiab_control', 'cancel ' || id) FROM jobs");
        stage.finish();
        CHECK(stage.database.value("SELECT status || coalesce(' ' || result::text, '') FROM job_steps") ==
              (sure ? R"(done {"sent": 1})" : "unknown"));
    }
}

TEST_CASE("step: an unknown effect fails the job at once, unless it may be repeated or looked up") {
    for (const bool repeatable : {false, true}) {
        int bodies = 0;
        KindSettings settings;
        settings.retry.base = 1ms;
        Stage stage{[&](Attempt& attempt) -> asio::awaitable<core::Outcome> {
                        Attempt::StepBody body = [&](StepCall) -> asio::awaitable<json> {
                            if (++bodies == 1) throw EffectUnknown{"the connection broke"};
                            co_return json{{"sent", bodies}};
                        };
                        StepOptions options;
                        options.repeatable = repeatable;
                        json input{{"to", "somebody"}};
                        (void)co_await attempt.step("send", std::move(input), std::move(body), std::move(options));
                        co_return core::completed();
                    },
                    settings};
        stage.enqueue();
        stage.finish();
        CHECK(bodies == (repeatable ? 2 : 1));
        CHECK(stage.column("status") == (repeatable ? "completed" : "failed"));
        CHECK(stage.column("attempts") == (repeatable ? "2" : "1"));
        if (repeatable) continue;
        CHECK(stage.column("failure_reason") == "effect_unknown");
        CHECK(stage.column("last_error").find("the connection broke; decide with `oiabd jobs resolve") !=
              std::string::npos);
        CHECK(stage.database.value("SELECT status FROM job_steps") == "unknown");
    }
}

TEST_CASE("step: NUL and broken UTF-8 in results and progress are stored as marks") {
    Stage stage{[](Attempt& attempt) -> asio::awaitable<core::Outcome> {
        Attempt::StepBody body = [](StepCall) -> asio::awaitable<json> { co_return json(std::string("a\0b\xFF", 4)); };
        json input;
        json value = co_await attempt.step("odd", std::move(input), std::move(body), {});
        (void)co_await attempt.progress(std::move(value));
        co_return core::completed();
    }};
    stage.enqueue();
    stage.finish();
    const std::string marked =
        "\"a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD\"";
    CHECK(stage.column("status") == "completed");
    CHECK(stage.column("progress") == marked);
    CHECK(stage.database.value("SELECT result FROM job_steps") == marked);
}

TEST_CASE("retry: after the later of the kind's backoff and what a peer asked for") {
    for (const auto& [backoff, asked] :
         std::initializer_list<std::pair<std::chrono::seconds, std::chrono::seconds>>{{3600s, 0s}, {1s, 3600s}}) {
        KindSettings settings;
        settings.retry.base = backoff;
        settings.retry.cap = 7200s;
        Stage stage{
            [asked](Attempt&) -> asio::awaitable<core::Outcome> { co_return core::retry_not_before("busy", asked); },
            settings};
        stage.enqueue();
        eventually(
            30s, [&] { return stage.column("last_error IS NOT NULL AND status = 'pending'") == "t"; },
            "the attempt is settled");
        CHECK(stage.column("run_at > now() + interval '25 minutes'") == "t");
    }
}

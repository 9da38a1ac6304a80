#include "runtime/executor.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include "observe/log.hpp"
#include "runtime/live_attempt.hpp"

using namespace oiab;
using namespace std::chrono_literals;

namespace {

/// Stands still but for what handlers add: so many steps of time are how long they ran.
class ManualClock final : public core::Clock {
public:
    [[nodiscard]] core::SteadyTime now() const noexcept override { return core::SteadyTime{elapsed_.load()}; }
    [[nodiscard]] core::WallTime wall_now() const noexcept override { return {}; }
    void advance(core::SteadyTime::duration time) noexcept { elapsed_ = elapsed_.load() + time; }

private:
    std::atomic<core::SteadyTime::duration> elapsed_{1h};
};

/// One slot on one thread, so that attempts run one after the other.
struct ExecutorFixture : Handler {
    observe::Log log = observe::Log::discarding();
    ManualClock clock;
    core::SystemRandom random;
    pg::LaneGroup store{"store", 1, pg::SessionSettings{}};
    runtime::AttemptWorld world{{"executor-test"}, store, clock, random, log};
    Registry::Entry entry{std::shared_ptr<Handler>{std::shared_ptr<void>{}, this}, {}};
    core::SteadyTime::duration run_time{0};
    std::vector<std::size_t> low_at;  // how many waited when the executor said that it runs low
    std::vector<bool> rushes;         // while each attempt ran
    std::size_t finished = 0;
    runtime::Executor executor{{.slots = 1, .threads = 1},
                               [this](const runtime::AttemptPtr&, const core::Outcome&) { ++finished; },
                               [this] { low_at.push_back(executor.waiting()); },
                               [](const std::string& sentence) { FAIL(sentence); }};

    boost::asio::awaitable<core::Outcome> run(Attempt&) override {
        clock.advance(run_time);
        rushes.push_back(executor.rushes());
        co_return core::completed();
    }

    void run_all(std::size_t count) {
        std::vector<runtime::AttemptPtr> attempts;
        for (std::size_t i = 0; i < count; ++i)
            attempts.push_back(std::make_shared<runtime::LiveAttempt>(core::Job{}, &entry, world, clock.now()));
        const auto before = finished;
        executor.submit(std::move(attempts));
        REQUIRE(executor.wait_idle(core::Deadline::after(30s)) == 0);
        REQUIRE(finished == before + count);
    }
};

}  // namespace

TEST_CASE_METHOD(ExecutorFixture, "executor: handlers that take no time rush while more attempts wait") {
    run_all(3);
    // Before the first has ended nothing is known of them; when the last runs nothing waits.
    CHECK(rushes == std::vector<bool>{false, true, false});
}

TEST_CASE_METHOD(ExecutorFixture, "executor: handlers that take their time do not rush") {
    run_time = 1ms;
    run_all(3);
    CHECK(rushes == std::vector<bool>{false, false, false});
}

namespace {

/// Attempts that all take one millisecond of the fixture's clock, as many at once as there are slots.
struct Crowd : Handler {
    explicit Crowd(std::size_t slots) : slots_{slots}, executor_{settings(slots), ignore, [] {}, fail} {}

    /// @returns whether it rushed when the last of `slots` attempts ran beside the others, and one more waited
    bool rushes_with_one_waiting() {
        for (int batch = 0; batch < 2; ++batch) {
            std::vector<runtime::AttemptPtr> attempts;
            for (std::size_t i = 0; i < slots_ + (batch == 0 ? 0 : 1); ++i)
                attempts.push_back(std::make_shared<runtime::LiveAttempt>(core::Job{}, &entry_, world_, clock_.now()));
            left_ = attempts.size();
            executor_.submit(std::move(attempts));
            REQUIRE(executor_.wait_idle(core::Deadline::after(30s)) == 0);
        }
        return rushed_.at(1);
    }

    boost::asio::awaitable<core::Outcome> run(Attempt&) override {
        boost::asio::steady_timer end{co_await boost::asio::this_coro::executor,
                                      boost::asio::steady_timer::time_point::max()};
        running_.push_back(&end);
        if (running_.size() == std::min(slots_, left_)) {
            left_ -= running_.size();
            clock_.advance(1ms);
            rushed_.push_back(executor_.rushes());
            for (auto* each : std::exchange(running_, {}))
                each->expires_at(boost::asio::steady_timer::time_point::min());
        }
        boost::system::error_code ended;
        co_await end.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
        co_return core::completed();
    }

private:
    static runtime::Executor::Settings settings(std::size_t slots) { return {.slots = slots, .threads = 1}; }
    static void ignore(const runtime::AttemptPtr&, const core::Outcome&) {}
    static void fail(const std::string& sentence) { FAIL(sentence); }

    ExecutorFixture fixture_;
    ManualClock& clock_ = fixture_.clock;
    runtime::AttemptWorld& world_ = fixture_.world;
    Registry::Entry entry_{std::shared_ptr<Handler>{std::shared_ptr<void>{}, this}, {}};
    std::size_t slots_;
    std::size_t left_ = 0;
    std::vector<boost::asio::steady_timer*> running_;
    std::vector<bool> rushed_;
    runtime::Executor executor_;
};

}  // namespace

TEST_CASE("executor: handlers that take a while rush where many run at once") {
    CHECK_FALSE(Crowd{2}.rushes_with_one_waiting());
    CHECK(Crowd{4}.rushes_with_one_waiting());
}

TEST_CASE_METHOD(ExecutorFixture, "executor: says once that it runs low, when less than half of the prefetch waits") {
    run_all(1);  // the run time is known from here on: the prefetch is a thousand
    low_at.clear();
    run_all(1'200);
    CHECK(low_at == std::vector<std::size_t>{499});
}

TEST_CASE_METHOD(ExecutorFixture, "executor: without a prefetch it runs low when the last attempt starts") {
    run_time = 1s;
    run_all(1);
    low_at.clear();
    run_all(5);
    CHECK(low_at == std::vector<std::size_t>{0});
}

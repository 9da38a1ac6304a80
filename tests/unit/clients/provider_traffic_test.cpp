/// @file  Guarded models: who is let through to a provider, who waits, and who is sent away.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <memory>

#include "clients/provider_traffic.hpp"
#include "manual_clock.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab;
using namespace oiab::clients;
using namespace std::chrono_literals;
using Answer = std::expected<ChatAnswer, ModelError>;

namespace {

ModelError error_of(ModelErrorClass kind, int status = 500) { return {kind, "as scripted", {}, status}; }

ModelError rate_limit(std::optional<std::chrono::milliseconds> retry_after = {}) {
    return {ModelErrorClass::kRetryable, "slow down", retry_after, 429, true};
}

/// Answers as scripted, one a call, and afterwards with success; or holds its calls until the test lets them go.
class ScriptedModel final : public ChatModel {
public:
    asio::awaitable<Answer> complete(ChatRequest request, OnDelta on_delta) override {
        ++calls;
        order += request.model;
        std::optional<ModelError> error;
        if (!errors.empty()) {
            error = errors.front();
            errors.pop_front();
        }
        if (speaks_first) on_delta("Hel");
        if (holding) {
            asio::steady_timer held{co_await asio::this_coro::executor, asio::steady_timer::time_point::max()};
            waiting.push_back(&held);
            boost::system::error_code ignored;
            co_await held.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
            std::erase(waiting, &held);
            const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
            if (cancelled != asio::cancellation_type::none) error = error_of(ModelErrorClass::kCancelled, 0);
        }
        if (error) co_return std::unexpected{*error};
        co_return ChatAnswer{};
    }
    std::string_view runtime() const noexcept override { return "scripted"; }

    std::deque<ModelError> errors;
    std::deque<asio::steady_timer*> waiting;
    std::string order;
    int calls = 0;
    bool holding = false;
    bool speaks_first = false;
};

class HalfRandom final : public core::Random {
public:
    double uniform() override { return 0.5; }
};

struct World {
    explicit World(TrafficSettings settings = {}) {
        settings.circuit.failures = 3;
        traffic = std::make_shared<ProviderTraffic>(clock, random, settings);
        guarded = make_guarded(model, traffic, {"key", "acme"});
    }

    static ChatRequest request(std::string name = "m", core::Deadline deadline = core::Deadline::never()) {
        ChatRequest request;
        request.model = std::move(name);
        request.deadline = deadline;
        return request;
    }
    Answer ask(std::string name = "m") { return tests::run_coroutine(context, guarded->complete(request(name), {})); }

    /// Starts a call that stays under way or in the queue; its answer lands in `answers`.
    void start(ChatRequest what, asio::cancellation_slot slot = {}) {
        asio::co_spawn(context, guarded->complete(std::move(what), {}),
                       asio::bind_cancellation_slot(slot, [this](std::exception_ptr failure, Answer answer) {
                           if (failure) ++exceptions;
                           else answers.push_back(std::move(answer));
                       }));
        settle();
    }
    /// Runs what can run without waiting.
    void settle() {
        context.restart();
        while (context.poll() > 0) context.restart();
    }
    void let_one_go() {
        REQUIRE_FALSE(model->waiting.empty());
        model->waiting.front()->cancel();
        settle();
    }

    tests::ManualClock clock;
    HalfRandom random;
    std::shared_ptr<ScriptedModel> model = std::make_shared<ScriptedModel>();
    std::shared_ptr<ProviderTraffic> traffic;
    std::shared_ptr<ChatModel> guarded;
    std::vector<Answer> answers;
    int exceptions = 0;
    asio::io_context context;
};

}  // namespace

TEST_CASE("traffic: circuits that nobody has used for an hour are forgotten where there are many") {
    World world;
    const auto fail = [&](const std::string& model) {
        world.model->errors = {error_of(ModelErrorClass::kRetryable)};
        CHECK_FALSE(world.ask(model));
    };
    fail("old");
    fail("old");
    world.clock.advance(1h);
    fail("young");
    fail("young");
    for (int i = 0; i < 1100; ++i) fail("model " + std::to_string(i));
    fail("old");
    fail("young");
    CHECK(world.traffic->circuit_state("acme", "old") == Circuit::State::kClosed);
    CHECK(world.traffic->circuit_state("acme", "young") == Circuit::State::kOpen);
}

TEST_CASE("traffic: a call whose own deadline was short says nothing against the provider") {
    World world;
    const auto miss = [&](std::chrono::seconds had) {
        world.model->errors = {error_of(ModelErrorClass::kDeadline, 0)};
        const auto missed = tests::run_coroutine(
            world.context, world.guarded->complete(World::request("m", core::Deadline{world.clock.now() + had}), {}));
        CHECK(missed.error().kind == ModelErrorClass::kDeadline);
    };
    for (int i = 0; i < 5; ++i) miss(59s);
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kClosed);
    for (int i = 0; i < 3; ++i) miss(61s);
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kOpen);
}

TEST_CASE("traffic: a failing model is left alone, its neighbours and its recovery are not") {
    World world;
    world.model->errors = {4, error_of(ModelErrorClass::kRetryable)};
    for (int i = 0; i < 3; ++i) CHECK(world.ask().error().kind == ModelErrorClass::kRetryable);
    const auto refused = world.ask();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ModelErrorClass::kUnavailable);
    CHECK(refused.error().retry_after > 3s);
    CHECK(refused.error().message.find("acme") != std::string::npos);
    CHECK(world.model->calls == 3);
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kOpen);
    CHECK(world.traffic->circuit_state("acme", "other") == Circuit::State::kClosed);

    // Another guard of the same provider and model, with another key, finds the same circuit.
    auto other_key = make_guarded(world.model, world.traffic, {"other key", "acme"});
    CHECK(tests::run_coroutine(other_key->complete(World::request(), {})).error().kind ==
          ModelErrorClass::kUnavailable);

    world.clock.advance(4s);
    CHECK(world.ask().error().kind == ModelErrorClass::kRetryable);  // the probe
    CHECK(world.ask().error().kind == ModelErrorClass::kUnavailable);
    world.clock.advance(10s);
    CHECK(world.ask());
    CHECK(world.ask());
    CHECK(world.model->calls == 6);
}

TEST_CASE("traffic: refusals that are the request's own fault and rate limits open no circuit") {
    World world;
    for (int i = 0; i < 5; ++i) {
        world.model->errors = {error_of(ModelErrorClass::kPermanent, 400)};
        CHECK(world.ask().error().kind == ModelErrorClass::kPermanent);
        world.model->errors = {error_of(ModelErrorClass::kContextLength, 400)};
        CHECK(world.ask().error().kind == ModelErrorClass::kContextLength);
        world.model->errors = {error_of(ModelErrorClass::kCancelled, 0)};
        CHECK(world.ask().error().kind == ModelErrorClass::kCancelled);
    }
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kClosed);
    world.model->errors = {3, error_of(ModelErrorClass::kDeadline, 0)};
    for (int i = 0; i < 3; ++i) CHECK(world.ask().error().kind == ModelErrorClass::kDeadline);
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kOpen);
}

TEST_CASE("traffic: while a probe is under way others are sent away, until it begins to answer") {
    World world;
    world.model->errors = {3, error_of(ModelErrorClass::kRetryable)};
    for (int i = 0; i < 3; ++i) CHECK_FALSE(world.ask());
    world.clock.advance(10s);
    world.model->holding = true;
    world.start(World::request());
    CHECK(world.model->waiting.size() == 1);
    world.start(World::request());
    REQUIRE(world.answers.size() == 1);
    CHECK(world.answers[0].error().kind == ModelErrorClass::kUnavailable);
    world.let_one_go();
    CHECK(world.answers.at(1));
    CHECK(world.traffic->circuit_state("acme", "m") == Circuit::State::kClosed);
}

TEST_CASE("traffic: a probe's first words let the others through") {
    World world;
    world.model->errors = {3, error_of(ModelErrorClass::kRetryable)};
    for (int i = 0; i < 3; ++i) CHECK_FALSE(world.ask());
    world.clock.advance(10s);
    world.model->holding = world.model->speaks_first = true;
    world.start(World::request());
    world.start(World::request());
    CHECK(world.model->waiting.size() == 2);
    world.let_one_go();
    world.let_one_go();
}

TEST_CASE("traffic: a probe that is cancelled leaves the door to the next one") {
    World world;
    world.model->errors = {3, error_of(ModelErrorClass::kRetryable)};
    for (int i = 0; i < 3; ++i) CHECK_FALSE(world.ask());
    world.clock.advance(10s);
    world.model->holding = true;
    asio::cancellation_signal cancel;
    world.start(World::request(), cancel.slot());
    cancel.emit(asio::cancellation_type::terminal);
    world.settle();
    CHECK(world.answers.at(0).error().kind == ModelErrorClass::kCancelled);
    world.start(World::request());
    CHECK(world.model->waiting.size() == 1);
    world.let_one_go();
}

TEST_CASE("traffic: beyond the limit calls wait, and go in the order they came") {
    World world{{.limit = {.initial = 2, .most = 2}}};
    world.model->holding = true;
    for (const char* name : {"a", "b", "c", "d", "e"}) world.start(World::request(name));
    CHECK(world.model->order == "ab");
    const auto state = world.traffic->key_state("key");
    CHECK((state.running == 2 && state.waiting == 3 && state.limit == 2));
    world.let_one_go();
    CHECK(world.model->order == "abc");
    world.let_one_go();
    world.let_one_go();
    CHECK(world.model->order == "abcde");
    world.let_one_go();
    world.let_one_go();
    CHECK(world.answers.size() == 5);
    CHECK(world.traffic->key_state("key").running == 0);
}

TEST_CASE("traffic: another key does not wait in this one's queue") {
    World world{{.limit = {.initial = 1, .most = 1}}};
    world.model->holding = true;
    world.start(World::request("a"));
    world.guarded = make_guarded(world.model, world.traffic, {"other key", "acme"});
    world.start(World::request("b"));
    CHECK(world.model->order == "ab");
    world.let_one_go();
    world.let_one_go();
}

TEST_CASE("traffic: a waiting call can be cancelled, and the next one takes its place") {
    World world{{.limit = {.initial = 1, .most = 1}}};
    world.model->holding = true;
    world.start(World::request("a"));
    asio::cancellation_signal cancel;
    world.start(World::request("b"), cancel.slot());
    world.start(World::request("c"));
    cancel.emit(asio::cancellation_type::terminal);
    world.settle();
    REQUIRE(world.answers.size() == 1);
    CHECK(world.answers[0].error().kind == ModelErrorClass::kCancelled);
    CHECK(world.traffic->key_state("key").waiting == 1);
    world.let_one_go();
    CHECK(world.model->order == "ac");
    world.let_one_go();
    CHECK(world.exceptions == 0);
}

TEST_CASE("traffic: a call that is destroyed while it waits or runs leaves nothing behind") {
    ScriptedModel* model = nullptr;
    std::shared_ptr<ProviderTraffic> traffic;
    tests::ManualClock clock;
    HalfRandom random;
    {
        World world{{.limit = {.initial = 1, .most = 1}}};
        model = world.model.get();
        traffic = std::make_shared<ProviderTraffic>(clock, random, TrafficSettings{.limit = {.initial = 1, .most = 1}});
        world.guarded = make_guarded(world.model, traffic, {"key", "acme"});
        world.model->holding = true;
        world.start(World::request("a"));
        world.start(World::request("b"));
        CHECK(traffic->key_state("key").waiting == 1);
        model->waiting.clear();
    }
    CHECK(traffic->key_state("key").waiting == 0);
    CHECK(traffic->key_state("key").running == 0);
}

TEST_CASE("traffic: a wait ends at half of what the deadline leaves, and burns no attempt") {
    World world{{.limit = {.initial = 1, .most = 1}}};
    world.model->holding = true;
    world.start(World::request("a"));
    world.start(World::request("b", core::Deadline{world.clock.now() + 40ms}));
    CHECK(world.answers.empty());
    world.clock.advance(20ms);
    world.context.restart();
    while (world.answers.empty()) world.context.run_one_for(10s);
    CHECK(world.answers[0].error().kind == ModelErrorClass::kUnavailable);
    CHECK(world.answers[0].error().retry_after > 0s);
    world.start(World::request("c", core::Deadline{world.clock.now()}));
    CHECK(world.answers.at(1).error().kind == ModelErrorClass::kDeadline);
    world.let_one_go();
    CHECK(world.model->order == "a");
}

TEST_CASE("traffic: a refused call goes back to the head of the queue and is made again, a few times") {
    World world{{.limit = {.initial = 8, .first_pause = 1ms, .longest_pause = 1ms}}};
    world.model->errors = {2, rate_limit(0ms)};
    CHECK(world.ask());
    CHECK(world.model->calls == 3);
    world.model->errors = {10, rate_limit(0ms)};
    const auto refused = world.ask();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "slow down");
    CHECK(refused.error().kind == ModelErrorClass::kRetryable);
    CHECK(world.model->calls == 3 + 1 + TrafficSettings{}.requeues);
}

TEST_CASE("traffic: a call that has begun to answer is not made again") {
    World world;
    world.model->errors = {rate_limit(0ms)};
    world.model->speaks_first = true;
    CHECK(world.ask().error().message == "slow down");
    CHECK(world.model->calls == 1);

    // Thoughts and tool calls have no text that is passed on.
    World silent;
    auto billed = rate_limit(0ms);
    billed.may_be_billed = true;
    silent.model->errors = {billed};
    CHECK(silent.ask().error().message == "slow down");
    CHECK(silent.model->calls == 1);
}

TEST_CASE("traffic: a long Retry-After sends everybody of that key away, those that wait, too") {
    World world{{.limit = {.initial = 2, .most = 2}}};
    world.model->holding = true;
    world.model->errors = {rate_limit(10min)};
    for (const char* name : {"a", "b", "c", "d"}) world.start(World::request(name));
    world.let_one_go();
    REQUIRE(world.answers.size() == 3);
    int told = 0;
    for (const auto& answer : world.answers) {
        REQUIRE_FALSE(answer);
        CHECK(answer.error().retry_after >= 10min);
        if (answer.error().kind == ModelErrorClass::kRetryable) ++told;
        else CHECK(answer.error().kind == ModelErrorClass::kUnavailable);
    }
    CHECK(told == 1);
    CHECK(world.model->order == "ab");
    world.start(World::request("e"));
    CHECK(world.answers.at(3).error().kind == ModelErrorClass::kUnavailable);
    world.let_one_go();  // b, which was under way before
    world.clock.advance(10min);
    world.start(World::request("f"));
    CHECK(world.model->order == "abf");
    world.let_one_go();
}

TEST_CASE("traffic: embeddings stand in the same queue and have a circuit of their own") {
    class Embedding final : public Embedder {
    public:
        asio::awaitable<std::expected<Embeddings, ModelError>> embed(std::vector<std::string>,
                                                                     core::Deadline) override {
            ++calls;
            if (failing) co_return std::unexpected{error_of(ModelErrorClass::kRetryable)};
            co_return Embeddings{};
        }
        std::string_view model() const noexcept override { return "e"; }
        int calls = 0;
        bool failing = true;
    };
    World world;
    auto embedder = std::make_shared<Embedding>();
    auto guarded = make_guarded(std::shared_ptr<Embedder>{embedder}, world.traffic, {"key", "acme"});
    const auto embed = [&] { return tests::run_coroutine(guarded->embed({}, core::Deadline::never())); };
    for (int i = 0; i < 3; ++i) CHECK(embed().error().kind == ModelErrorClass::kRetryable);
    CHECK(embed().error().kind == ModelErrorClass::kUnavailable);
    CHECK(embedder->calls == 3);
    CHECK(world.ask());
    embedder->failing = false;
    world.clock.advance(10s);
    CHECK(embed());
    CHECK(guarded->model() == "e");
}

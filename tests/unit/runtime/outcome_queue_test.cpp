/// @file  Who takes finished attempts, and who is woken for them.

#include "runtime/outcome_queue.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>

using namespace oiab;
using namespace std::chrono_literals;
using runtime::OutcomeQueue;
using enum OutcomeQueue::Writer;

namespace {

struct Outcomes {
    bool more_soon = false;
    OutcomeQueue queue{3, [this] { return more_soon; }};

    OutcomeQueue::Calls add() { return queue.add({nullptr, core::Released{}}); }
    void add(int count) {
        for (int i = 0; i < count; ++i) static_cast<void>(add());
    }
    std::size_t take(OutcomeQueue::Writer writer) { return queue.take(writer).batch.size(); }
    OutcomeQueue::Calls give_back(OutcomeQueue::Writer writer, std::size_t again = 0) {
        std::vector<runtime::FinishedAttempt> outcomes;
        for (std::size_t i = 0; i < again; ++i) outcomes.push_back({nullptr, core::Released{}});
        return queue.give_back(writer, std::move(outcomes));
    }
};

}  // namespace

TEST_CASE_METHOD(Outcomes, "outcomes: the first writer is woken once, and takes whatever there is up to a batch") {
    CHECK(take(kFirst) == 0);
    CHECK(add().first);
    CHECK_FALSE(add().first);
    CHECK(take(kFirst) == 2);
    add(4);
    CHECK(queue.size() == 6);
    CHECK_FALSE(give_back(kFirst).first);
    CHECK(take(kFirst) == 3);
    CHECK(queue.size() == 4);
}

TEST_CASE_METHOD(Outcomes, "outcomes: the second writer is woken for a full batch while the first one is writing") {
    CHECK(take(kSecond) == 0);
    add(3);
    CHECK(take(kSecond) == 0);
    CHECK(take(kFirst) == 3);
    CHECK_FALSE(add().second);
    CHECK_FALSE(add().second);
    CHECK(take(kSecond) == 0);
    CHECK(add().second);
    CHECK_FALSE(add().second);
    CHECK(take(kSecond) == 3);
    CHECK(queue.size() == 7);
    CHECK_FALSE(give_back(kSecond).first);
    CHECK(take(kSecond) == 0);
    CHECK(queue.size() == 4);
}

TEST_CASE_METHOD(Outcomes, "outcomes: what the second writer gives back wakes the first one") {
    add(3);
    CHECK(take(kFirst) == 3);
    add(3);
    CHECK(take(kSecond) == 3);
    CHECK_FALSE(give_back(kFirst).first);
    CHECK(take(kFirst) == 0);
    CHECK(give_back(kSecond, 1).first);
    CHECK(take(kFirst) == 1);
}

TEST_CASE_METHOD(Outcomes, "outcomes: a batch is waited for while more come, until it is full or none do") {
    CHECK_FALSE(queue.begin_gathering());
    more_soon = true;
    static_cast<void>(take(kFirst));
    add(1);
    CHECK(queue.begin_gathering());
    CHECK_FALSE(add().first);
    CHECK(add().first);
    CHECK_FALSE(queue.begin_gathering());
    CHECK(take(kFirst) == 3);
    add(1);
    CHECK(queue.begin_gathering());
    more_soon = false;
    CHECK(add().first);
}

TEST_CASE_METHOD(Outcomes, "outcomes: the wait for the end counts what is in the writers' hands") {
    add(2);
    CHECK(queue.wait_until_empty(core::Deadline::after(0ms)) == 2);
    CHECK(take(kFirst) == 2);
    CHECK(queue.wait_until_empty(core::Deadline::after(0ms)) == 2);
    static_cast<void>(give_back(kFirst));
    CHECK(queue.wait_until_empty(core::Deadline::after(0ms)) == 0);
}

TEST_CASE_METHOD(Outcomes,
                 "outcomes: the second writer is woken for the full batches that the first one leaves behind") {
    CHECK_FALSE(queue.needs_second());
    add(7);
    CHECK_FALSE(queue.needs_second());
    auto taken = queue.take(kFirst);
    CHECK(taken.calls.second);
    CHECK(queue.needs_second());
    CHECK(take(kSecond) == 3);
    static_cast<void>(give_back(kSecond));
    CHECK_FALSE(queue.needs_second());
}

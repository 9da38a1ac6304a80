/// @file  Durable steps: once a job, whatever happens to its attempts.

#include "queue/inspect.hpp"
#include "queue/rescue.hpp"
#include "queue/steps.hpp"
#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using queue::ResolveAnswer;
using queue::StepBegin;
using queue::StepStatus;

namespace {
struct Steps : QueueFixture {
    core::Job job = running("max_attempts", "9");
    queue::BegunStep begin(const std::string& hash = "h", const std::string& name = "call") {
        return pg::in_transaction(session, [&](pg::Transaction& tx) {
            return queue::begin_step(tx, {worker, job.key()}, job.attempt, name, hash);
        });
    }
    bool finish(StepStatus status, const std::string& text) {
        return pg::in_transaction(session, [&](pg::Transaction& tx) {
            return queue::settle_step(tx, {worker, job.key()}, "call", status, text);
        });
    }
    bool restart() {
        return pg::in_transaction(session, [&](pg::Transaction& tx) {
            return queue::restart_step(tx, {worker, job.key()}, job.attempt, "call");
        });
    }
    ResolveAnswer resolve(const std::optional<std::string>& done) {
        return pg::autocommit(session,
                              [&](pg::Transaction& tx) { return queue::resolve_step(tx, job.id, "call", done); });
    }
    void crash() {
        lapse(job.id);
        REQUIRE(queue::rescue(session, {}, {}).rescued.size() == 1);
        job = claim().at(0);
    }
    std::string step_status() { return database.value("SELECT status FROM job_steps WHERE name = 'call'"); }
};
}  // namespace

TEST_CASE_METHOD(Steps, "steps: a done step answers later attempts with its result") {
    CHECK(begin().answer == StepBegin::kFresh);
    CHECK(step_status() == "intended");
    CHECK(begin().answer == StepBegin::kFresh);
    CHECK(finish(StepStatus::kDone, R"({"a": 1})"));
    CHECK(finish(StepStatus::kDone, R"({"a": 1})"));
    CHECK_FALSE(finish(StepStatus::kFailed, "x"));
    crash();
    const auto again = begin();
    CHECK(again.answer == StepBegin::kDone);
    CHECK(again.result == R"({"a": 1})");
    CHECK(begin("other input").answer == StepBegin::kInputDiffers);
}

TEST_CASE_METHOD(Steps, "steps: an intent whose process died is unknown to the next attempt, which may repeat it") {
    (void)begin();
    crash();
    CHECK(begin().answer == StepBegin::kUnknown);
    CHECK(step_status() == "unknown");
    CHECK(begin().answer == StepBegin::kUnknown);
    CHECK(restart());
    CHECK(restart());
    CHECK(step_status() == "intended");
    CHECK(finish(StepStatus::kDone, "1"));
    CHECK_FALSE(restart());
}

TEST_CASE_METHOD(Steps, "steps: a failed step begins afresh, also with another input") {
    (void)begin();
    CHECK(finish(StepStatus::kFailed, "no luck"));
    CHECK(database.value("SELECT error FROM job_steps") == "no luck");
    CHECK(begin("another").answer == StepBegin::kFresh);
    CHECK(finish(StepStatus::kDone, "2"));
    CHECK(begin("another").result == "2");
}

TEST_CASE_METHOD(Steps, "steps: a lost attempt can neither begin, repeat nor settle a step") {
    (void)begin();
    const auto old = job;
    crash();
    job = old;
    CHECK(begin().answer == StepBegin::kLost);
    CHECK(begin("h", "another").answer == StepBegin::kLost);
    CHECK_FALSE(finish(StepStatus::kDone, "1"));
    CHECK_FALSE(restart());
    CHECK(step_status() == "intended");
}

TEST_CASE_METHOD(Steps, "steps: a person resolves what is unknown, once the job does not run") {
    (void)begin();
    CHECK(resolve("1") == ResolveAnswer::kJobRunning);
    CHECK(finish(StepStatus::kUnknown, "the answer was lost"));
    settle(job, core::failed(core::FailureReason::kEffectUnknown, "call"));
    SECTION("done") {
        CHECK(resolve(R"("it happened")") == ResolveAnswer::kResolved);
        CHECK(step_status() == "done");
        CHECK(resolve("1") == ResolveAnswer::kNotUnknown);
    }
    SECTION("repeat") {
        CHECK(resolve(std::nullopt) == ResolveAnswer::kResolved);
        CHECK(resolve(std::nullopt) == ResolveAnswer::kNoSuchStep);
    }
}

TEST_CASE_METHOD(Steps, "steps: shown in the order in which they began") {
    (void)begin("h", "first");
    (void)begin();
    (void)finish(StepStatus::kDone, "1");
    const auto steps = pg::autocommit(session, [&](pg::Transaction& tx) { return queue::load_step_views(tx, job.id); });
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].name == "first");
    CHECK(steps[0].status == "intended");
    CHECK(steps[1].result == "1");
}

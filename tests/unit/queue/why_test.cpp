/// @file  The sentence that says why a job is not running.

#include <catch2/catch_test_macros.hpp>

#include "queue/inspect.hpp"

using namespace oiab;

TEST_CASE("why: one sentence for each fact, the strongest first") {
    queue::WhyFacts facts;
    facts.kind = "mail";
    facts.run_at = "2030-01-01 00:00:00+00";
    facts.due_in = std::chrono::hours{5};
    facts.workers = 2;
    facts.workers_with_kind = 2;
    CHECK(queue::render_why(facts) == "It is not due until 2030-01-01 00:00:00+00 (in 5 h).");
    facts.attempts = 1;
    facts.max_attempts = 3;
    CHECK(queue::render_why(facts) == "It is not due until 2030-01-01 00:00:00+00 (in 5 h), after attempt 1 of 3.");
    facts.is_due = true;
    CHECK(queue::render_why(facts) ==
          "All slots of the 2 workers that have its kind are busy: it is due and waits for one.");
    facts.workers_with_kind = 1;
    CHECK(queue::render_why(facts) ==
          "All slots of the worker that has its kind are busy: it is due and waits for one.");
    facts.workers_with_kind = 0;
    CHECK(queue::render_why(facts) == "No worker has the kind mail: 2 run without it.");
    facts.lane_ready = false;
    facts.serial_key = "lane";
    facts.lane_head_id = "X";
    facts.lane_head_status = "running";
    facts.ahead_in_lane = 1'000;
    CHECK(queue::render_why(facts) == "It waits behind job X (running) in its lane lane, with 1000 or more before it.");
    facts.kind_paused = true;
    CHECK(queue::render_why(facts) == "Its kind mail is paused: `oiabd resume --kind mail` lets it go on.");
    facts.status = core::Status::kCompleted;
    facts.finished_at = "yesterday";
    CHECK(queue::render_why(facts) == "It is final: completed at yesterday.");
}

#include "core/status.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/outcome.hpp"

using namespace oiab::core;

TEST_CASE("status: every status and reason is spelled as in the schema and read back") {
    for (const auto* text : {"pending", "running", "completed", "failed"}) {
        REQUIRE(parse_status(text));
        CHECK(to_string(*parse_status(text)) == text);
    }
    for (const auto* text : {"error", "timeout", "lease_expired", "crashed", "cancelled", "superseded", "no_handler",
                             "invalid_payload", "upstream_failed", "budget", "effect_unknown"}) {
        REQUIRE(parse_failure_reason(text));
        CHECK(to_string(*parse_failure_reason(text)) == text);
    }
    CHECK_FALSE(parse_status("done"));
    CHECK_FALSE(parse_failure_reason("Error"));
}

TEST_CASE("status: only completed and failed are final") {
    CHECK(is_final(Status::kCompleted));
    CHECK(is_final(Status::kFailed));
    CHECK_FALSE(is_final(Status::kPending));
    CHECK_FALSE(is_final(Status::kRunning));
}

TEST_CASE("outcome: each alternative has its own word") {
    CHECK(name_of(completed("{}")) == "completed");
    CHECK(name_of(retry("x")) == "retry");
    CHECK(name_of(failed(FailureReason::kBudget, "x")) == "failed");
    CHECK(name_of(snoozed(std::chrono::seconds{1})) == "snoozed");
    CHECK(name_of(Released{}) == "released");
    CHECK(name_of(AlreadySettled{}) == "settled");
    CHECK(name_of(Abandoned{}) == "abandoned");
}

/// @file  What the database itself refuses or mends, whoever writes.

#include "queue_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {
struct Legality : QueueFixture {
    /// The name of the constraint that refuses the update, or "" where it is allowed.
    std::string refused(core::JobId id, std::string_view assignments) {
        try {
            update(id, assignments);
            return "";
        } catch (const pqxx::check_violation& error) {
            const std::string text = error.what();
            if (text.find("status cannot go from") != text.npos) return "transition";
            if (text.find("fencing token") != text.npos) return "epoch";
            const auto begin = text.find("constraint \"");
            return begin == text.npos ? text : text.substr(begin + 12, text.find('"', begin + 12) - begin - 12);
        }
    }
    core::JobId made(const std::string& status) {
        if (status == "pending") return insert();
        const auto job = running();
        if (status == "completed") settle(job, core::completed());
        if (status == "failed") settle(job, core::failed(core::FailureReason::kError, "x"));
        return job.id;
    }
};
}  // namespace

TEST_CASE_METHOD(Legality, "legality: every change of status is on the list or refused") {
    const std::vector<std::string> all{"pending", "running", "completed", "failed"};
    const std::vector<std::pair<std::string, std::string>> legal{{"pending", "running"}, {"pending", "failed"},
                                                                 {"running", "pending"}, {"running", "completed"},
                                                                 {"running", "failed"},  {"failed", "pending"}};
    for (const auto& from : all) {
        for (const auto& to : all) {
            if (from == to) continue;
            const bool is_legal = std::ranges::find(legal, std::pair{from, to}) != legal.end();
            INFO(from << " → " << to);
            const auto id = made(from);
            CHECK(refused(id, "status = '" + to + "'") == (is_legal ? "" : "transition"));
            CHECK(status(id) == (is_legal ? to : from));
        }
    }
}

TEST_CASE_METHOD(Legality, "legality: no other status, no empty kind, no unknown reason, no epoch that goes back") {
    const auto id = insert();
    CHECK(refused(id, "status = 'stuck'") != "");
    CHECK(refused(id, "kind = ''") == "jobs_kind_check");
    CHECK(refused(id, "kind = repeat('x', 201)") == "jobs_kind_check");
    CHECK(refused(id, "kind = repeat('ü', 200)") == "");
    CHECK(refused(id, "failure_reason = 'because'") == "jobs_failure_reason_check");
    CHECK(refused(id, "lease_epoch = 5") == "");
    CHECK(refused(id, "lease_epoch = 4") == "epoch");
    CHECK(refused(id, "locked_by = 'me'") == "jobs_lease_check");
    CHECK(refused(id, "lease_until = now()") == "jobs_lease_check");
    CHECK(refused(id, "finished_at = now()") == "jobs_lease_check");
    CHECK(refused(made("completed"), "finished_at = NULL, result = '1'") == "");
    CHECK_THROWS_AS(insert("status", "'running'"), pqxx::check_violation);
    CHECK_THROWS_AS(insert("status", "'other'"), pqxx::check_violation);
    CHECK(field(insert("status", "'completed'"), "finished_at IS NOT NULL") == "t");
}

TEST_CASE_METHOD(Legality,
                 "legality: a claim without a lease gets epoch, time and no lease, and fences the one before") {
    const auto job = running();
    settle(job, core::retry("x", 0ms));
    update(job.id, "status = 'running', locked_by = 'old worker', attempts = attempts + 1");
    CHECK(field(job.id, "concat_ws(' ', status, lease_epoch, attempts, locked_by)") == "running 2 2 old worker");
    CHECK(field(job.id, "locked_at IS NOT NULL AND lease_until IS NULL") == "t");
    CHECK(settle(job, core::completed()).state == queue::SettleState::kLost);
    update(job.id, "locked_by = 'another old worker'");
    CHECK(field(job.id, "lease_epoch") == "3");
}

TEST_CASE_METHOD(Legality, "legality: a finish without finished_at gets it and leaves the claim's index") {
    const auto job = running();
    update(job.id, "status = 'completed'");
    CHECK(field(job.id, "finished_at IS NOT NULL AND lease_until IS NULL") == "t");
}

TEST_CASE_METHOD(Legality, "legality: a return to pending by a worker without leases clears what it does not know") {
    const auto job = running();
    update(job.id, "status = 'pending', run_at = now() + interval '1 min'");
    CHECK(field(job.id, "num_nulls(locked_by, locked_at, lease_until, finished_at)") == "4");
    CHECK(field(job.id, "lease_epoch") == "1");
}

TEST_CASE_METHOD(Legality, "legality: ids of one statement are in the order of insertion, and are version 7") {
    database.execute("INSERT INTO jobs (kind, priority) SELECT 'noop', n FROM generate_series(1, 2000) n");
    CHECK(database.value("SELECT count(*) FROM (SELECT priority, lag(priority) OVER (ORDER BY id) AS before FROM jobs) "
                         "x WHERE priority < before") == "0");
    CHECK(database.value("SELECT bool_and(substring(id::text, 15, 1) = '7' AND substring(id::text, 20, 1) IN ('8', "
                         "'9', 'a', 'b')) FROM jobs") == "t");
    CHECK(database.value("SELECT abs(extract(epoch FROM now()) - ('x' || substring(replace(max(id::text), '-', ''), 1, "
                         "12))::bit(48)::bigint / 1000.0) < 60 FROM jobs") == "t");
}

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>
#include <thread>

#include "agent_fixture.hpp"
#include "store/plans.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

constexpr const char* kDiamond = R"([
    {"description": "gather", "agent": "build", "dependencies": []},
    {"description": "left", "agent": "build", "dependencies": [0]},
    {"description": "right", "agent": "build", "dependencies": [0]},
    {"description": "join", "agent": "build", "dependencies": [1, 2]}])";

bool is_planner(const ChatRequest& request) {
    return request.messages.front().content.find("decomposition") != std::string::npos;
}
const std::string& prompt_of(const ChatRequest& request) { return request.messages.back().content; }
/// A subtask's prompt ends with its own description.
bool is_subtask(const ChatRequest& request, std::string_view description) {
    return !is_planner(request) && prompt_of(request).ends_with(description);
}
bool is_synthesis(const ChatRequest& request) { return prompt_of(request).starts_with("Synthesize"); }

nlohmann::json plan_payload(const Organisation& org) {
    return {{"userId", org.user()}, {"parentSessionId", "s1"}, {"taskDescription", "the task"}};
}

std::string plan_status(Organisation& org) { return org.database().value("SELECT status FROM orchestrator_plans"); }

void wait_for_plan(Organisation& org, const std::string& status) {
    org.start();
    eventually(std::chrono::seconds{60}, [&] { return plan_status(org) == status; }, "the plan is " + status);
}

std::string subtask_states(Organisation& org) {
    return org.database().value(
        "SELECT string_agg(index || ' ' || status || coalesce(' ' || failure_reason, ''), ', ' ORDER BY index) "
        "FROM orchestrator_subtasks");
}

}  // namespace

TEST_CASE("orchestrator: a diamond runs in order, each subtask once, and ends in the parent session") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (is_planner(request)) return say(std::string{"```json\n"} + kDiamond + "\n```");
        if (is_synthesis(request)) return say("all together");
        return say("result of " + prompt_of(request).substr(prompt_of(request).rfind('\n') + 1));
    });
    Organisation org{chat};
    auto& db = org.database();
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    wait_for_plan(org, "completed");
    CHECK(db.value("SELECT result FROM orchestrator_plans") == "all together");
    CHECK(subtask_states(org) == "0 completed, 1 completed, 2 completed, 3 completed");
    CHECK(db.value("SELECT string_agg(kind || count, ',' ORDER BY kind) FROM (SELECT kind, count(*) FROM jobs GROUP BY "
                   "kind) k") == "orchestrator-plan1,orchestrator-subtask4,orchestrator-synthesize1");
    CHECK(db.value("SELECT serial_key FROM jobs WHERE kind = 'orchestrator-synthesize'") == "session:s1");
    CHECK(db.value("SELECT string_agg(role || ':' || content, '|') FROM session_messages WHERE session_id = 's1'") ==
          "assistant:all together");
    CHECK(db.value("SELECT string_agg(purpose || count, ',' ORDER BY purpose) FROM (SELECT purpose, count(*) FROM "
                   "sessions_index GROUP BY purpose) p") == "chat1,planner1,subtask4");
    for (const auto& request : chat->requests()) {
        if (!is_subtask(request, "join")) continue;
        CHECK(prompt_of(request) ==
              "Context from previous steps:\n\nSubtask 1: left\nResult:\nresult of left\n\nSubtask 2: right\nResult:\n"
              "result of right\n\nYour subtask:\njoin");
    }
    CHECK(db.value("SELECT string_agg(DISTINCT purpose, ',' ORDER BY purpose) FROM usage_events WHERE purpose <> "
                   "'embedding'") == "plan,subtask,synthesize");
}

TEST_CASE("orchestrator: a bad plan is sent back once with the reasons") {
    auto chat = scripted([](const ChatRequest& request, int number) {
        if (is_planner(request)) {
            return number == 1
                       ? say(R"([{"description": "a", "dependencies": [1]}, {"description": "b", "dependencies": [0]}])")
                       : say(R"([{"description": "a"}])");
        }
        return say("ok");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    const auto correction = chat->requests().at(1).messages;
    REQUIRE(correction.size() == 4);
    CHECK(correction.back().content.find("in a circle: 0 -> 1 -> 0") != std::string::npos);
    wait_for_plan(org, "completed");
}

TEST_CASE("orchestrator: NULs and halves of characters in a plan are stored as marks") {
    auto chat = scripted([](const ChatRequest& request, int) {
        return is_planner(request) ? say(R"([{"description": "a\u0000b\ud83d", "agent": "b\u0000"}])") : say("ok");
    });
    Organisation org{chat};
    const auto job = org.enqueue("orchestrator-plan", plan_payload(org));
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "1");
    CHECK(org.database().value("SELECT description || '/' || agent FROM orchestrator_subtasks") ==
          "a\xEF\xBF\xBD"
          "b\xEF\xBF\xBD/b\xEF\xBF\xBD");
}

TEST_CASE("orchestrator: a plan that is bad twice fails with its reasons") {
    auto chat = scripted([](const ChatRequest&, int) { return say("I would rather not."); });
    Organisation org{chat};
    const auto job = org.enqueue("orchestrator-plan", plan_payload(org));
    REQUIRE(org.finish(job) == "failed");
    CHECK(chat->requests().size() == 2);
    CHECK(org.column(job, "last_error").find("no JSON array of subtask objects") != std::string::npos);
    CHECK(plan_status(org) == "failed");
    CHECK(org.database().value("SELECT error FROM orchestrator_plans") == org.column(job, "last_error"));
}

TEST_CASE("orchestrator: a subtask that fails for good fails its dependents, lets others finish, then fails the plan") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (is_planner(request)) return say(kDiamond);
        if (is_subtask(request, "left")) return refuse(ModelErrorClass::kPermanent, "no access");
        return say("ok");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    wait_for_plan(org, "failed");
    CHECK(subtask_states(org) == "0 completed, 1 failed error, 2 completed, 3 failed upstream_failed");
    CHECK(org.database().value("SELECT error FROM orchestrator_plans") ==
          "subtask 1: the model refused: no access\nsubtask 3: needs the result of subtask 1, which failed");
    CHECK(org.database().value("SELECT count(*) FROM jobs WHERE kind = 'orchestrator-synthesize'") == "0");
}

TEST_CASE("orchestrator: attempts that run out fail the subtask and the plan, too") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (is_planner(request)) return say(R"([{"description": "a"}])");
        return refuse(ModelErrorClass::kRetryable, "503");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    wait_for_plan(org, "failed");
    CHECK(org.database().value("SELECT attempts FROM jobs WHERE kind = 'orchestrator-subtask'") == "3");
}

TEST_CASE("orchestrator: on_failure partial synthesizes from what succeeded and says what is missing") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (is_planner(request)) return say(kDiamond);
        if (is_subtask(request, "left")) return refuse(ModelErrorClass::kPermanent, "no access");
        return say(is_synthesis(request) ? "partly" : "ok");
    });
    Organisation org{chat};
    auto payload = plan_payload(org);
    payload["onFailure"] = "partial";
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", payload)) == "completed");
    wait_for_plan(org, "completed");
    const auto prompt = prompt_of(chat->requests().back());
    CHECK(prompt.find("Subtask 2: right\nResult:\nok") != std::string::npos);
    CHECK(prompt.find("Missing, say so in the answer:\n\nSubtask 1: left\nFailed: the model refused: no access") !=
          std::string::npos);
}

TEST_CASE("orchestrator: a synthesis that fails for good fails the plan") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (is_planner(request)) return say(R"([{"description": "a"}])");
        return is_synthesis(request) ? refuse(ModelErrorClass::kPermanent, "too big") : say("ok");
    });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    wait_for_plan(org, "failed");
    CHECK(org.database().value("SELECT error FROM orchestrator_plans") == "the model refused: too big");
}

TEST_CASE("orchestrator: cancelling a plan cancels its jobs, also those that run") {
    // Subtasks never end by themselves.
    auto chat =
        std::make_shared<ScriptedChat>([](const ChatRequest& request, int) -> boost::asio::awaitable<ChatReply> {
            if (is_planner(request)) co_return say(kDiamond);
            boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, std::chrono::hours{1}};
            co_await forever.async_wait(boost::asio::use_awaitable);
            co_return say("never");
        });
    Organisation org{chat};
    auto& db = org.database();
    REQUIRE(org.finish(org.enqueue("orchestrator-plan", plan_payload(org))) == "completed");
    eventually(
        std::chrono::seconds{30}, [&] { return chat->requests().size() == 2; }, "the first subtask asks its model");
    pqxx::connection listener{db.url()};
    std::string heard;
    listener.listen("oiab_control", [&](pqxx::notification n) { heard = std::string{n.payload}; });
    CHECK(db.value("SELECT cancel_plan(id) FROM orchestrator_plans") == "t");
    const auto job = db.value("SELECT id FROM jobs WHERE kind = 'orchestrator-subtask'");
    eventually(
        std::chrono::seconds{30},
        [&] {
            listener.get_notifs();
            return heard == "cancel " + job;
        },
        "the subtask's worker is told");
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "failure_reason") == "cancelled");
    CHECK(plan_status(org) == "failed");
    CHECK(subtask_states(org) == "0 failed cancelled, 1 failed cancelled, 2 failed cancelled, 3 failed cancelled");
    CHECK(db.value("SELECT cancel_plan(id) FROM orchestrator_plans") == "f");
}

TEST_CASE("orchestrator: wrong payloads are refused by name and leave no plan behind") {
    Organisation org{scripted([](const ChatRequest&, int) { return say("never"); })};
    const auto error = [&](const std::string& kind, const nlohmann::json& payload) {
        const auto job = org.enqueue(kind, payload);
        CHECK(org.finish(job) == "failed");
        return org.column(job, "failure_reason || ': ' || last_error");
    };
    auto payload = plan_payload(org);
    payload["maxSubtasks"] = 0;
    CHECK(error("orchestrator-plan", payload) ==
          "invalid_payload: payload field \"maxSubtasks\" must be a whole number from 1 to 50");
    CHECK(error("orchestrator-subtask", {{"planId", "x"}, {"index", 0}}) ==
          "invalid_payload: payload field \"planId\" must be a UUID");
    CHECK(error("orchestrator-synthesize", {{"planId", "00000000-0000-7000-8000-000000000009"}}) ==
          "error: there is no plan 00000000-0000-7000-8000-000000000009");
    CHECK(org.database().value("SELECT count(*) FROM orchestrator_plans") == "0");
}

// --- the store and the database's own part, without an engine ---

namespace {

/// A plan that executes, with no worker about.
struct IdlePlan {
    TestDatabase database;
    pg::Session session{database.settings()};
    core::PlanId id{*core::Uuid::parse("00000000-0000-7000-8000-00000000000a")};

    explicit IdlePlan(std::vector<core::PlannedSubtask> subtasks, bool partial = false) {
        store::NewPlan plan;
        plan.id = id;
        plan.user_id = *core::UserId::parse(database.value("INSERT INTO users (handle) VALUES ('ada') RETURNING id"));
        plan.parent_session_id = "s1";
        plan.task_description = "the task";
        plan.partial = partial;
        pg::in_transaction(session, [&](pg::Transaction& tx) {
            REQUIRE(store::begin_plan(tx, plan).has_value());
            REQUIRE(store::accept_plan(tx, id, subtasks, "planner"));
        });
    }
    void begin(int index) {
        pg::in_transaction(session, [&](pg::Transaction& tx) { REQUIRE(store::begin_subtask(tx, id, index, "s")); });
    }
    void complete(int index) {
        begin(index);
        pg::in_transaction(session,
                           [&](pg::Transaction& tx) { REQUIRE(store::complete_subtask(tx, id, index, "done")); });
    }
    std::string jobs() {
        return database.value(
            "SELECT coalesce(string_agg(payload ->> 'index', ',' ORDER BY payload ->> 'index'), '') "
            "FROM jobs WHERE kind = 'orchestrator-subtask' AND status = 'pending'");
    }
    std::string status() { return database.value("SELECT status FROM orchestrator_plans"); }
};

std::vector<core::PlannedSubtask> diamond() {
    return {{"gather", "build", {}}, {"left", "build", {0}}, {"right", "build", {0}}, {"join", "build", {1, 2}}};
}

}  // namespace

TEST_CASE("plans: two subtasks that complete at the same instant release their dependent exactly once") {
    IdlePlan plan{diamond()};
    plan.complete(0);
    plan.begin(1);
    plan.begin(2);
    // The first completion has done its work and not yet committed when the second one begins.
    std::thread second;
    pg::in_transaction(plan.session, [&](pg::Transaction& tx) {
        REQUIRE(store::complete_subtask(tx, plan.id, 1, "left"));
        second = std::thread{[&] {
            pg::Session other{plan.database.settings()};
            pg::in_transaction(other, [&](pg::Transaction& tx2) {
                if (!store::complete_subtask(tx2, plan.id, 2, "right")) throw std::logic_error{"not completed"};
            });
        }};
        TestDatabase& db = plan.database;
        eventually(
            std::chrono::seconds{20},
            [&] {
                return db.value(
                           "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                           "wait_event_type = 'Lock'") == "1";
            },
            "the second completion waits for the first");
    });
    second.join();
    CHECK(plan.database.value("SELECT count(*) FROM jobs WHERE payload ->> 'index' = '3'") == "1");
    CHECK(plan.database.value(
              "SELECT count(*) FROM orchestrator_subtasks WHERE index = 3 AND released_at IS NOT NULL") == "1");
}

TEST_CASE("plans: the last completion lets the plan synthesize, once") {
    IdlePlan plan{diamond()};
    for (int index = 0; index < 4; ++index) plan.complete(index);
    CHECK(plan.status() == "synthesizing");
    CHECK(plan.database.value("SELECT count(*) FROM jobs WHERE kind = 'orchestrator-synthesize'") == "1");
    pg::in_transaction(plan.session, [&](pg::Transaction& tx) {
        CHECK_FALSE(store::complete_subtask(tx, plan.id, 3, "again"));
        CHECK_FALSE(store::begin_subtask(tx, plan.id, 3, "s"));
    });
}

TEST_CASE("plans: whatever fails a subtask's job, its plan learns of it") {
    IdlePlan plan{{{"a", "build", {}}, {"b", "build", {0}}, {"c", "build", {}}}};
    auto& db = plan.database;
    SECTION("a lapsed lease") {
        db.execute(
            "UPDATE jobs SET status = 'failed', failure_reason = 'crashed', last_error = 'its worker died', "
            "finished_at = now() WHERE payload ->> 'index' = '0'");
        CHECK(db.value("SELECT failure_reason || ': ' || error FROM orchestrator_subtasks WHERE index = 0") ==
              "crashed: its worker died");
    }
    SECTION("a worker that knows nothing of reasons") {
        db.execute("UPDATE jobs SET status = 'failed' WHERE payload ->> 'index' = '0'");
        CHECK(db.value("SELECT failure_reason FROM orchestrator_subtasks WHERE index = 0") == "error");
    }
    SECTION("a deleted row") {
        db.execute("DELETE FROM jobs WHERE payload ->> 'index' = '0'");
        CHECK(db.value("SELECT failure_reason || ': ' || error FROM orchestrator_subtasks WHERE index = 0") ==
              "cancelled: its job was deleted");
    }
    CHECK(db.value("SELECT failure_reason FROM orchestrator_subtasks WHERE index = 1") == "upstream_failed");
    CHECK(plan.status() == "executing");
    plan.complete(2);
    CHECK(plan.status() == "failed");
}

TEST_CASE("plans: several subtasks that fail in one statement fail the plan once, with all reasons") {
    IdlePlan plan{{{"a", "build", {}}, {"b", "build", {}}}};
    plan.database.execute("UPDATE jobs SET status = 'failed', last_error = 'gone', finished_at = now()");
    CHECK(plan.status() == "failed");
    CHECK(plan.database.value("SELECT error FROM orchestrator_plans") == "subtask 0: gone\nsubtask 1: gone");
}

TEST_CASE("plans: a failed plan whose subtasks all failed is not synthesized, even where parts would do") {
    IdlePlan plan{{{"a", "build", {}}}, true};
    plan.database.execute("UPDATE jobs SET status = 'failed', finished_at = now()");
    CHECK(plan.status() == "failed");
}

TEST_CASE("plans: marking a plan as failed cancels what waits") {
    IdlePlan plan{{{"a", "build", {}}, {"b", "build", {}}}};
    plan.database.execute("UPDATE orchestrator_plans SET status = 'failed', error = 'no longer wanted'");
    CHECK(plan.jobs().empty());
    CHECK(plan.database.value("SELECT string_agg(failure_reason, ',') FROM jobs") == "cancelled,cancelled");
    CHECK(plan.database.value("SELECT error FROM orchestrator_plans") == "no longer wanted");
}

TEST_CASE("plans: a plan belongs to one user and one job") {
    IdlePlan plan{diamond()};
    store::NewPlan claim;
    claim.id = plan.id;
    claim.user_id = *core::UserId::parse(plan.database.value("INSERT INTO users (handle) VALUES ('eve') RETURNING id"));
    pg::in_transaction(plan.session,
                       [&](pg::Transaction& tx) { CHECK_FALSE(store::begin_plan(tx, claim).has_value()); });
}

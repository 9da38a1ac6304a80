// Turns in a real opencode, undisturbed: what they leave behind, and what roles, budgets and providers forbid.
#include <catch2/catch_test_macros.hpp>

#include "sandbox.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("opencode runtime: a turn with a tool call is done, kept, charged and streamed") {
    Sandbox sandbox;
    sandbox.model().reset({append_line("a.txt"), say({"It ", "is ", "done."})});
    sandbox.database().execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million, output_usd_per_million) VALUES ('loopback', "
        "'scripted', 10, 100)");
    sandbox.database().execute(
        "INSERT INTO skills (tenant_id, name, description, body, status) VALUES ($1, 'Close Books', 'At the month''s "
        "end', 'Step one.', 'promoted')",
        pqxx::params{sandbox.tenant()});
    // The process has another runtime; the tenant's own settings decide.
    sandbox.cli().environment["OIABD_RUNTIME"] = "offline";
    sandbox.database().execute("UPDATE tenants SET settings = '{\"runtime\": \"opencode\"}'");
    const auto session = sandbox.add_session();
    const auto daemon = sandbox.start();
    const auto job = sandbox.turn(session);
    sandbox.wait_until_final(job);
    sandbox.check_done_once(job, session, "a.txt");
    CHECK(sandbox.model().calls() == 2);
    CHECK(sandbox.charged_calls(session) == "2");
    CHECK(sandbox.of_job(job, "result ->> 'text'") == "It is done.");
    CHECK(sandbox.of_job(job, "result ->> 'runtime'") == "opencode");
    CHECK(sandbox.of_job(job, "round((result ->> 'costUsd')::numeric, 6)") == "0.040000");
    CHECK(sandbox.of_job(job, "attempts") == "1");
    CHECK(sandbox.has_file(".opencode/skill/close-books/SKILL.md"));
    const auto asked = sandbox.model().requests().front().dump();
    CHECK(asked.find("Close Books") != std::string::npos);
    CHECK(asked.find("You are an assistant of this organisation") != std::string::npos);

    // The next turn of the session, and a turn of a tenant that says nothing, in the same process.
    sandbox.model().reset({say({"Again."})});
    const auto second = sandbox.turn(session, "And now?");
    sandbox.wait_until_final(second);
    CHECK(sandbox.of_job(second, "result ->> 'text'") == "Again.");
    CHECK(sandbox.model().calls() == 1);
    CHECK(sandbox.model().requests().front().dump().find("It is done.") != std::string::npos);
    sandbox.database().execute("UPDATE tenants SET settings = '{}'");
    const auto third = sandbox.turn(sandbox.add_session(), "Who is there?");
    sandbox.wait_until_final(third);
    CHECK(sandbox.of_job(third, "result ->> 'runtime'") == "offline");
}

TEST_CASE("opencode runtime: what roles deny is not done, and a viewer's turn does not begin") {
    Sandbox sandbox;
    const auto session = sandbox.add_session();
    const auto daemon = sandbox.start();
    const auto try_with = [&](const std::string& tools) {
        sandbox.allow_tools(tools);
        sandbox.model().reset({write_file(sandbox.directory() + "/denied.txt"), say({"It was not allowed."})});
        const auto job = sandbox.turn(session);
        sandbox.wait_until_final(job);
        INFO(sandbox.of_job(job, "coalesce(last_error, '')"));
        CHECK(sandbox.of_job(job, "status") == "completed");
        return sandbox.has_file("denied.txt");
    };
    CHECK_FALSE(try_with(R"({"allowed": ["read"], "denied": []})"));
    CHECK_FALSE(try_with(R"({"allowed": ["*"], "denied": ["write"]})"));
    CHECK(sandbox.database().value("SELECT count(*) FROM audit_log WHERE action = 'tool.permission_deny'") == "2");
    CHECK(sandbox.database().value("SELECT count(*) FROM trajectories WHERE outcome = 'partial'") == "2");
    // The same session, once the roles say otherwise.
    CHECK(try_with(R"({"allowed": ["write"], "denied": []})"));

    sandbox.model().reset({write_file(sandbox.directory() + "/viewer.txt"), say({"Done."})});
    const auto viewer = sandbox.add_user("vera", "viewer");
    const auto job = sandbox.turn(session, "Do it.", viewer);
    sandbox.wait_until_final(job);
    CHECK(sandbox.of_job(job, "status") == "failed");
    CHECK(sandbox.model().calls() == 0);
    CHECK_FALSE(sandbox.has_file("viewer.txt"));
}

TEST_CASE("opencode runtime: a turn beyond its budget is aborted after the step that spent it") {
    Sandbox sandbox;
    sandbox.model().reset({append_line("a.txt"), say({"Too ", "dear."})});
    sandbox.model().hold(1, Moment::kBeforeFirstToken);
    sandbox.database().execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million, output_usd_per_million) VALUES ('loopback', "
        "'scripted', 10, 100)");
    sandbox.database().execute(
        "UPDATE roles SET permissions = jsonb_set(permissions, '{cost}', '{\"per_request_limit_usd\": 0.015}')");
    const auto session = sandbox.add_session();
    const auto daemon = sandbox.start();
    const auto job = sandbox.turn(session);
    sandbox.wait_until_final(job);
    CHECK(sandbox.of_job(job, "status || failure_reason") == "failedbudget");
    CHECK(sandbox.charged_calls(session) == "1");
    const auto opencode = sandbox.server().call("GET", "/session", nullptr, sandbox.directory()).body;
    REQUIRE(opencode.size() == 1);
    eventually(
        30s,
        [&] {
            return !sandbox.server()
                        .call("GET", "/session/status", nullptr, sandbox.directory())
                        .body.contains(opencode[0].at("id").get<std::string>());
        },
        "nothing goes on in opencode");
    sandbox.model().release();
}

TEST_CASE("opencode runtime: a model that opencode does not know fails the turn before anything is posted") {
    Sandbox sandbox;
    sandbox.model().reset({say({"Never."})});
    sandbox.cli().environment["OIABD_OPENCODE_MODEL"] = "loopback/no-such-model";
    const auto daemon = sandbox.start();
    const auto job = sandbox.turn(sandbox.add_session());
    sandbox.wait_until_final(job);
    CHECK(sandbox.of_job(job, "status") == "failed");
    CHECK(sandbox.of_job(job, "last_error").find("loopback/scripted") != std::string::npos);
    CHECK(sandbox.model().calls() == 0);
    CHECK(sandbox.server().call("GET", "/session", nullptr, sandbox.directory()).body.empty());
}

TEST_CASE("opencode runtime: a provider that wants to be left alone past the deadline sends the job back for then") {
    Sandbox sandbox;
    sandbox.model().reset({say({"Later."})});
    sandbox.model().refuse(429, 1000, {{"Retry-After", "7200"}});
    const auto daemon = sandbox.start();
    const auto job = sandbox.turn(sandbox.add_session());
    eventually(
        60s, [&] { return sandbox.of_job(job, "status = 'pending' AND attempts = 1") == "t"; }, "the job goes back");
    CHECK(sandbox.of_job(job, "run_at > now() + interval '100 minutes'") == "t");
    sandbox.model().reset({say({"Later."})});
}

TEST_CASE("opencode runtime: a cancelled job is stopped in opencode as well") {
    Sandbox sandbox;
    sandbox.model().reset({append_line("begun.txt", "sleep 100; echo more >> begun.txt"), say({"Done."})});
    const auto daemon = sandbox.start();
    const auto job = sandbox.turn(sandbox.add_session());
    eventually(60s, [&] { return sandbox.has_file("begun.txt"); }, "the tool runs");
    CHECK(sandbox.cli().run({"jobs", "cancel", job}).code == 0);
    sandbox.wait_until_final(job);
    CHECK(sandbox.of_job(job, "status || failure_reason") == "failedcancelled");
    eventually(
        30s, [&] { return sandbox.server().call("GET", "/session/status", nullptr, sandbox.directory()).body.empty(); },
        "nothing goes on in opencode");
    CHECK(sandbox.lines("begun.txt") == 1);
    CHECK(sandbox.database().value("SELECT count(*) FROM usage_events WHERE job_id = $1 AND purpose = 'chat'",
                                   pqxx::params{job}) == "1");
}

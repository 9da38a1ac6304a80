// Subagents of turns in a real opencode: what they cost, and who pays.
#include <catch2/catch_test_macros.hpp>

#include "sandbox.hpp"

using namespace oiab::tests;
using nlohmann::json;

namespace {

json task_of(const std::string& prompt, const std::string& resumed = {}) {
    json task{{"description", "a part"}, {"prompt", prompt}, {"subagent_type", "general"}};
    if (!resumed.empty()) task["task_id"] = resumed;
    return task;
}

std::string child_session_in(const std::vector<json>& messages) {
    for (const auto& message : messages) {
        for (const auto& part : message.at("parts")) {
            if (part.at("type") == "tool" && part.value("tool", "") == "task") {
                return part.at("state").at("metadata").value("sessionId", "");
            }
        }
    }
    return {};
}

}  // namespace

TEST_CASE("opencode runtime: a subagent that a later turn resumes is charged for what it does then, and no more") {
    Sandbox sandbox;
    const auto script = [&](const json& task) {
        sandbox.model().reset({{{}, "task", task}, say({"All ", "done."})});
        sandbox.model().script("Count the files", {append_line("first.txt"), say({"One file."})});
        sandbox.model().script("Count again", {say({"Two files."})});
    };
    const auto session = sandbox.add_session();
    const auto daemon = sandbox.start();
    const auto run = [&](const std::string& text) {
        const auto job = sandbox.turn(session, text);
        sandbox.wait_until_final(job);
        INFO(sandbox.of_job(job, "coalesce(last_error, '')"));
        REQUIRE(sandbox.of_job(job, "status") == "completed");
        return job;
    };
    const auto charged = [&](const std::string& job) {
        return sandbox.database().value(
            "SELECT count(*) || ' calls, ' || sum(input_tokens) || ' tokens' FROM usage_events WHERE job_id = $1 AND "
            "purpose = 'chat'",
            pqxx::params{job});
    };

    script(task_of("Count the files."));
    const auto first = run("Let somebody count.");
    CHECK(sandbox.model().calls() == 4);
    CHECK(charged(first) == "4 calls, 4000 tokens");

    const auto child = child_session_in(sandbox.server().messages(sandbox.opencode_session(first)));
    REQUIRE(child.starts_with("ses"));
    script(task_of("Count again.", child));
    const auto second = run("Let the same one count again.");
    CHECK(sandbox.model().calls() == 3);
    REQUIRE(sandbox.server().messages(child).size() == 5);  // it was resumed indeed
    CHECK(charged(second) == "3 calls, 3000 tokens");
    CHECK(charged(first) == "4 calls, 4000 tokens");
    CHECK(sandbox.of_job(second, "result #>> '{usage,inputTokens}'") == "3000");
}

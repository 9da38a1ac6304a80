// What opencode asks in the middle of a turn: who may use a tool, and questions to a person who is not there. The
// runtime answers from the user's roles, so that nobody waits, and nobody is allowed what the roles deny. The rules of
// a turn's own session never ask; a subagent's session has only its denials, and what others have added.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "sandbox.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json rule(const char* permission, const char* action) {
    return {{"permission", permission}, {"pattern", "*"}, {"action", action}};
}

/// A session with one subagent, whose turns end with "That was it."
struct Asking {
    Sandbox sandbox;
    std::string session = sandbox.add_session();
    std::unique_ptr<ChildProcess> daemon;
    std::string child;  ///< the subagent's session

    /// A turn that gives the subagent that work. @returns what the subagent's last tool has become
    json run(std::vector<ScriptedAnswer> work) {
        json task{{"description", "a part"}, {"prompt", "Do the part."}, {"subagent_type", "general"}};
        if (!child.empty()) task["task_id"] = child;
        sandbox.model().reset({{{}, "task", task}, say({"That ", "was it."})});
        sandbox.model().script("Do the part", std::move(work));
        if (!daemon) daemon = sandbox.start();
        const auto job = sandbox.turn(session);
        sandbox.wait_until_final(job);
        INFO(sandbox.of_job(job, "coalesce(last_error, '')"));
        INFO(daemon->err());
        CHECK(sandbox.of_job(job, "status") == "completed");
        CHECK(sandbox.of_job(job, "result ->> 'text'") == "That was it.");
        CHECK(sandbox.of_job(job, "attempts") == "1");
        CHECK(waiting("/permission") == 0);
        CHECK(waiting("/question") == 0);
        if (child.empty()) child = last_tool(sandbox.opencode_session(job)).at("metadata").at("sessionId");
        return last_tool(child);
    }
    json last_tool(const std::string& of_session) {
        json state = json::object();
        for (const auto& message : sandbox.server().messages(of_session)) {
            for (const auto& part : message.at("parts")) {
                if (part.at("type") == "tool") state = part.at("state");
            }
        }
        return state;
    }
    void add_rules(const std::string& to_session, const json& added) {
        const auto path = "/session/" + to_session;
        const json change{{"title", "Another's"}, {"permission", added}};
        REQUIRE(sandbox.server().call("PATCH", path, change, sandbox.directory()).status == 200);
    }
    std::size_t waiting(const char* path) {
        return sandbox.server().call("GET", path, nullptr, sandbox.directory()).body.size();
    }
    bool has_logged(const std::string& words) const { return daemon->err().find(words) != std::string::npos; }
};

}  // namespace

TEST_CASE("opencode runtime: a tool that a subagent asks for is allowed where the roles allow it") {
    Asking turn;
    // The directory's own configuration; the rules of the turn's session come after it, a subagent's has none of them.
    std::filesystem::create_directories(turn.sandbox.directory());
    std::ofstream{turn.sandbox.directory() + "/opencode.json"} << R"({"permission": {"bash": "ask"}})";
    CHECK(turn.run({append_line("part.txt"), say({"Part."})}).value("status", "") == "completed");
    CHECK(turn.has_logged("opencode asks for bash: allowed"));
    CHECK(turn.sandbox.lines("part.txt") == 1);
}

TEST_CASE("opencode runtime: a tool that is asked for stays denied where the roles deny it, and the turn goes on") {
    Asking turn;
    turn.sandbox.allow_tools(R"({"allowed": ["*"], "denied": ["write"]})");
    turn.run({say({"Nothing yet."})});
    turn.add_rules(turn.child, json::array({rule("edit", "ask")}));
    const auto state = turn.run({write_file(turn.sandbox.directory() + "/asked.txt"), say({"Part."})});
    CHECK(state.value("status", "") == "error");
    CHECK(state.value("error", "").find("roles do not allow") != std::string::npos);
    CHECK(turn.has_logged("opencode asks for edit: denied"));
    CHECK_FALSE(turn.sandbox.has_file("asked.txt"));

    // The same request, once the roles allow it.
    turn.sandbox.allow_tools(R"({"allowed": ["*"], "denied": []})");
    CHECK(turn.run({write_file(turn.sandbox.directory() + "/asked.txt"), say({"Part."})}).value("status", "") ==
          "completed");
    CHECK(turn.sandbox.has_file("asked.txt"));
}

TEST_CASE("opencode runtime: a question is rejected, since nobody is there to answer it") {
    Asking turn;
    turn.run({say({"Nothing yet."})});
    turn.add_rules(turn.child, json::array({rule("question", "allow")}));
    const json option{{"label", "a"}, {"description", "a"}};
    const json question{{"question", "Which?"}, {"header", "h"}, {"options", {option, option}}};
    const auto state = turn.run({{{}, "question", {{"questions", {question}}}}, say({"Part."})});
    INFO(state.dump());
    CHECK(state.value("status", "") == "error");
}

TEST_CASE("opencode runtime: what sessions of others ask in the same directory is left to them") {
    Asking turn;
    turn.run({say({"Nothing yet."})});
    auto& server = turn.sandbox.server();
    const std::string other = "ses_other" + turn.child.substr(4);
    const json wish{{"id", other}, {"location", {{"directory", turn.sandbox.directory()}}}};
    REQUIRE(server.call("POST", "/api/session", wish).status == 200);
    turn.add_rules(other, json::array({rule("*", "ask")}));
    turn.sandbox.model().script("Their own", {write_file(turn.sandbox.directory() + "/theirs.txt"), say({"Well."})});
    REQUIRE(server
                .call("POST", "/session/" + other + "/prompt_async", OpencodeServer::prompt(other, "Their own wish."),
                      turn.sandbox.directory())
                .status == 204);
    eventually(60s, [&] { return turn.waiting("/permission") == 1; }, "they are asked");

    // A turn of ours that asks as well.
    turn.add_rules(turn.child, json::array({rule("edit", "ask")}));
    const json task{
        {"description", "a part"}, {"prompt", "Do ours."}, {"subagent_type", "general"}, {"task_id", turn.child}};
    turn.sandbox.model().script("Go on", {{{}, "task", task}, say({"Done."})});
    turn.sandbox.model().script("Do ours", {write_file(turn.sandbox.directory() + "/ours.txt"), say({"Part."})});
    const auto job = turn.sandbox.turn(turn.session, "Go on.");
    turn.sandbox.wait_until_final(job);
    CHECK(turn.has_logged("opencode asks for edit: allowed"));
    CHECK(turn.sandbox.has_file("ours.txt"));
    CHECK_FALSE(turn.sandbox.has_file("theirs.txt"));
    CHECK(turn.waiting("/permission") == 1);
    static_cast<void>(server.call("POST", "/session/" + other + "/abort", nullptr, turn.sandbox.directory()));
}

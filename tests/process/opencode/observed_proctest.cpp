// What the opencode runtime takes for granted of `opencode serve`, asked of the real one: a newer version that behaves
// differently fails here first, by name. Nothing of oiabd runs.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "support/eventually.hpp"
#include "support/opencode_server.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

ScriptedAnswer words(std::vector<std::string> said) { return {std::move(said), {}, json::object()}; }
ScriptedAnswer call_of(std::string tool, json arguments) { return {{}, std::move(tool), std::move(arguments)}; }

std::vector<json> assistants_of(const std::vector<json>& messages, const std::string& prompt) {
    std::vector<json> found;
    for (const auto& message : messages) {
        if (message.at("info").value("parentID", "") == "msg_" + prompt) found.push_back(message);
    }
    return found;
}

bool is_answered(OpencodeServer& server, const std::string& session, const std::string& prompt) {
    const auto answers = assistants_of(server.messages(session), prompt);
    return !answers.empty() && answers.back().at("info").at("time").contains("completed") &&
           answers.back().at("info").value("finish", "") == "stop";
}

json tool_part(const json& message) {
    for (const auto& part : message.at("parts")) {
        if (part.at("type") == "tool") return part;
    }
    return nullptr;
}

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

TEST_CASE("opencode: the version is the one whose behaviour is written down") {
    auto& server = OpencodeWorld::shared().server;
    const auto health = server.call("GET", "/global/health");
    CHECK(health.status == 200);
    CHECK(health.body.value("version", "") == "1.18.33");
    const auto described = server.call("GET", "/doc").body.at("paths");
    for (const char* path :
         {"/api/session", "/session/{sessionID}", "/session/{sessionID}/message", "/session/{sessionID}/prompt_async",
          "/session/{sessionID}/abort", "/session/status", "/permission", "/permission/{requestID}/reply", "/question",
          "/question/{requestID}/reject", "/config/providers", "/event"}) {
        INFO(path);
        CHECK(described.contains(path));
    }
}

TEST_CASE("opencode: a session with an id of ours is made once, and rules are added to those it has") {
    auto& server = OpencodeWorld::shared().server;
    const json wish{{"id", "ses_made0001"}, {"location", {{"directory", server.directory()}}}};
    const auto first = server.call("POST", "/api/session", wish);
    const auto second = server.call("POST", "/api/session", wish);
    CHECK(first.status == 200);
    CHECK(second.status == 200);
    CHECK(first.body == second.body);
    const json change{{"title", "Ours"}, {"permission", allow_everything()}};
    CHECK(server.call("PATCH", "/session/ses_made0001", change, server.directory()).status == 200);
    const auto twice = server.call("PATCH", "/session/ses_made0001", change, server.directory());
    CHECK(twice.body.value("title", "") == "Ours");
    CHECK(twice.body.at("permission").size() == 2);
    CHECK(server.call("GET", "/session/ses_nowhere", nullptr, server.directory()).status == 404);
}

TEST_CASE("opencode: the same ids again neither ask the model nor add a part; another part id adds one") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"Hel", "lo."})});
    server.make_session("ses_again0001", allow_everything());
    auto prompt = OpencodeServer::prompt("0again0001", "Say hello.");
    const auto answer = server.call("POST", "/session/ses_again0001/message", prompt, server.directory());
    CHECK(answer.body.at("info").value("parentID", "") == "msg_0again0001");
    CHECK(model.calls() == 1);  // a title was set: no hidden call for one
    CHECK(server.call("POST", "/session/ses_again0001/message", prompt, server.directory()).status == 200);
    CHECK(server.call("POST", "/session/ses_again0001/prompt_async", prompt, server.directory()).status == 204);
    eventually(30s, [&] { return server.status("ses_again0001") == "idle"; }, "nothing runs");
    CHECK(model.calls() == 1);
    CHECK(server.messages("ses_again0001").front().at("parts").size() == 1);

    prompt["parts"][0].erase("id");
    CHECK(server.call("POST", "/session/ses_again0001/message", prompt, server.directory()).status == 200);
    CHECK(model.calls() == 1);
    CHECK(server.messages("ses_again0001").front().at("parts").size() == 2);
}

TEST_CASE("opencode: message ids need no order, in time or among themselves") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"Yes."})});
    server.make_session("ses_order0001", allow_everything());
    for (const std::string id : {"ffforder", "00order", "77order"}) {
        const auto answer =
            server.call("POST", "/session/ses_order0001/message", OpencodeServer::prompt(id, "?"), server.directory());
        CHECK(answer.body.at("info").value("parentID", "") == "msg_" + id);
    }
    CHECK(model.calls() == 3);
    std::vector<std::string> roles;
    for (const auto& message : server.messages("ses_order0001")) roles.push_back(message.at("info").at("role"));
    CHECK(roles == std::vector<std::string>{"user", "assistant", "user", "assistant", "user", "assistant"});
    const auto get = [&](const std::string& what) {
        return server.call("GET", "/session/ses_order0001/message" + what, nullptr, server.directory());
    };
    // A limit leaves the newest, oldest first; one message is found by its id alone.
    const auto newest = get("?limit=2").body;
    REQUIRE(newest.size() == 2);
    CHECK(newest.at(0).at("info").value("id", "") == "msg_77order");
    CHECK(newest.at(1).at("info").value("role", "") == "assistant");
    CHECK(get("/msg_00order").body.at("info").value("id", "") == "msg_00order");
    CHECK(get("/msg_nowhere").status == 404);
}

TEST_CASE("opencode: an id that another session has is a 500, and its text lands there") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"Yes."})});
    server.make_session("ses_owner0001", allow_everything());
    server.make_session("ses_thief0001", allow_everything());
    const auto post = [&](const std::string& session, const std::string& text) {
        return server.call("POST", "/session/" + session + "/message", OpencodeServer::prompt("0owned", text),
                           server.directory());
    };
    CHECK(post("ses_owner0001", "mine").status == 200);
    CHECK(post("ses_thief0001", "stolen").status == 500);
    CHECK(server.messages("ses_thief0001").empty());
    CHECK(server.messages("ses_owner0001").front().at("parts").at(0).value("text", "") == "stolen");
    CHECK(model.calls() == 1);
}

TEST_CASE("opencode: an unknown model is a 500, or silence, with the user's message stored") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"Yes."})});
    server.make_session("ses_model0001", allow_everything());
    auto prompt = OpencodeServer::prompt("0model1", "?");
    prompt["model"]["modelID"] = "no-such-model";
    CHECK(server.call("POST", "/session/ses_model0001/message", prompt, server.directory()).status == 500);
    CHECK(server.messages("ses_model0001").size() == 1);
    CHECK(server.call("POST", "/session/ses_model0001/prompt_async", prompt, server.directory()).status == 204);
    CHECK(model.calls() == 0);
    const auto known = server.call("GET", "/config/providers", nullptr, server.directory()).body.at("providers");
    CHECK(known.at(0).value("id", "") == "loopback");
    CHECK(known.at(0).at("models").contains("scripted"));
}

TEST_CASE("opencode: a client that leaves stops nothing; status lists what is busy and nothing else") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"At ", "last."})});
    model.hold(0, Moment::kBeforeFirstToken);
    server.make_session("ses_left0001", allow_everything());
    const auto left = server.call("POST", "/session/ses_left0001/message", OpencodeServer::prompt("0left", "?"),
                                  server.directory(), 2s);
    CHECK(left.status == 0);
    REQUIRE(model.wait_until_held());
    CHECK(server.status("ses_left0001") == "busy");
    const auto all = server.call("GET", "/session/status", nullptr, server.directory()).body;
    for (const auto& [session, status] : all.items()) CHECK(status.value("type", "") != "idle");
    model.release();
    eventually(30s, [&] { return is_answered(server, "ses_left0001", "0left"); }, "the turn ended without its client");
    CHECK(model.calls() == 1);
}

TEST_CASE("opencode: tool calls sit in earlier messages than the one that answers") {
    auto& [model, server] = OpencodeWorld::shared();
    const std::string file = server.directory() + "/earlier.txt";
    model.reset({call_of("write", {{"filePath", file}, {"content", "once"}}), words({"Written."})});
    server.make_session("ses_early0001", allow_everything());
    const auto answer = server.call("POST", "/session/ses_early0001/message", OpencodeServer::prompt("0early", "?"),
                                    server.directory());
    CHECK(tool_part(answer.body).is_null());
    const auto answers = assistants_of(server.messages("ses_early0001"), "0early");
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].at("info").value("finish", "") == "tool-calls");
    CHECK(tool_part(answers[0]).at("state").value("status", "") == "completed");
    CHECK(answers[0].at("info").at("tokens").value("input", 0) == ScriptedModel::kInputTokens);
    CHECK(answers[0].at("info").value("cost", -1.0) == 0);
    CHECK(read_file(file) == "once");
}

TEST_CASE("opencode: what rules deny is not done, by `write` under the name `edit`") {
    auto& [model, server] = OpencodeWorld::shared();
    const auto rule = [](const char* permission, const char* action) {
        return json{{"permission", permission}, {"pattern", "*"}, {"action", action}};
    };
    const auto turn = [&](const std::string& id, const json& rules) {
        const std::string file = server.directory() + "/" + id + ".txt";
        model.reset({call_of("write", {{"filePath", file}, {"content", "x"}}), words({"Done."})});
        server.make_session("ses_" + id, rules);
        static_cast<void>(server.call("POST", "/session/ses_" + id + "/message", OpencodeServer::prompt(id, "?"),
                                      server.directory()));
        const auto answers = assistants_of(server.messages("ses_" + id), id);
        REQUIRE(answers.size() == 2);
        // A tool that is not offered is replaced by one named `invalid`, which everything-is-allowed allows.
        const auto part = tool_part(answers[0]);
        const bool done = part.value("tool", "") == "write" && part.at("state").value("status", "") == "completed";
        CHECK(done == std::filesystem::exists(file));
        return done;
    };
    CHECK_FALSE(turn("0denied1", json::array({rule("*", "deny"), rule("read", "allow")})));
    CHECK(turn("0denied2", json::array({rule("*", "deny"), rule("edit", "allow")})));
    CHECK_FALSE(turn("0denied3", json::array({rule("*", "allow"), rule("edit", "deny")})));
    // The last rule that matches counts: later ones replace earlier ones.
    CHECK_FALSE(turn("0denied4", json::array({rule("*", "allow"), rule("*", "deny")})));
}

TEST_CASE("opencode: a rejected permission with a message goes on, without one ends the turn; a question blocks") {
    auto& [model, server] = OpencodeWorld::shared();
    const std::string file = server.directory() + "/asked.txt";
    const auto ask = json::array({{{"permission", "*"}, {"pattern", "*"}, {"action", "ask"}}});
    const auto begin = [&](const std::string& id, const json& rules) {
        server.make_session("ses_" + id, rules);
        CHECK(server
                  .call("POST", "/session/ses_" + id + "/prompt_async", OpencodeServer::prompt(id, "?"),
                        server.directory())
                  .status == 204);
    };
    const auto find_request = [&](const char* path, const std::string& id) {
        std::string found;
        eventually(
            30s,
            [&] {
                for (const auto& request : server.call("GET", path, nullptr, server.directory()).body) {
                    if (request.value("sessionID", "") == "ses_" + id) found = request.value("id", "");
                }
                return !found.empty();
            },
            "somebody is asked");
        CHECK(server.status("ses_" + id) == "busy");
        return found;
    };

    model.reset({call_of("write", {{"filePath", file}, {"content", "x"}}), words({"Then not."})});
    begin("0ask1", ask);
    const auto first = find_request("/permission", "0ask1");
    CHECK(server
              .call("POST", "/permission/" + first + "/reply", {{"reply", "reject"}, {"message", "no"}},
                    server.directory())
              .status == 200);
    eventually(30s, [&] { return is_answered(server, "ses_0ask1", "0ask1"); }, "the turn went on");

    begin("0ask2", ask);
    const auto second = find_request("/permission", "0ask2");
    CHECK(server.call("POST", "/permission/" + second + "/reply", {{"reply", "reject"}}, server.directory()).status ==
          200);
    eventually(30s, [&] { return server.status("ses_0ask2") == "idle"; }, "the turn ended");
    CHECK_FALSE(is_answered(server, "ses_0ask2", "0ask2"));

    const json option{{"label", "a"}, {"description", "a"}};
    const json question{{"question", "Which?"}, {"header", "h"}, {"options", {option, option}}};
    model.reset({call_of("question", {{"questions", {question}}}), words({"Never mind."})});
    begin("0ask3", allow_everything());
    const auto third = find_request("/question", "0ask3");
    CHECK(server.call("POST", "/question/" + third + "/reject", json::object(), server.directory()).status == 200);
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("opencode: a child session inherits what is denied, and costs of its own") {
    auto& [model, server] = OpencodeWorld::shared();
    const json task{{"description", "part"}, {"prompt", "Do it."}, {"subagent_type", "general"}};
    model.reset({call_of("task", task), words({"Done."})});
    const auto rules = json::array({{{"permission", "*"}, {"pattern", "*"}, {"action", "deny"}},
                                    {{"permission", "task"}, {"pattern", "*"}, {"action", "allow"}}});
    server.make_session("ses_parent0001", rules);
    static_cast<void>(server.call("POST", "/session/ses_parent0001/message", OpencodeServer::prompt("0parent", "?"),
                                  server.directory()));
    const auto answers = assistants_of(server.messages("ses_parent0001"), "0parent");
    REQUIRE(answers.size() == 2);
    const std::string child = tool_part(answers[0]).at("state").at("metadata").value("sessionId", "");
    const auto session = server.call("GET", "/session/" + child, nullptr, server.directory()).body;
    CHECK(session.value("parentID", "") == "ses_parent0001");
    CHECK(session.at("permission").at(0) == rules.at(0));
    CHECK(server.messages(child).back().at("info").at("tokens").value("input", 0) == ScriptedModel::kInputTokens);
}

TEST_CASE("opencode: without a title there is a hidden call of the model") {
    auto& [model, server] = OpencodeWorld::shared();
    model.reset({words({"Yes."})});
    const json wish{{"id", "ses_title0001"}, {"location", {{"directory", server.directory()}}}};
    CHECK(server.call("POST", "/api/session", wish).status == 200);
    static_cast<void>(server.call("POST", "/session/ses_title0001/message", OpencodeServer::prompt("0title", "?"),
                                  server.directory()));
    eventually(30s, [&] { return model.calls() == 2; }, "the model was asked for a title");
}

TEST_CASE("opencode: a directory that does not exist is a 500") {
    auto& server = OpencodeWorld::shared().server;
    const std::string nowhere = server.home() + "/nowhere";
    CHECK(server.call("POST", "/api/session", {{"id", "ses_dir0001"}, {"location", {{"directory", nowhere}}}}).status ==
          200);
    CHECK(server.call("POST", "/session/ses_dir0001/message", OpencodeServer::prompt("0dir", "?"), nowhere).status ==
          500);
}

TEST_CASE("opencode: skills are read from .opencode/skill when a directory is first used") {
    auto& server = OpencodeWorld::shared().server;
    const std::string place = server.home() + "/skilled";
    const auto put = [&](const std::string& name) {
        std::filesystem::create_directories(place + "/.opencode/skill/" + name);
        std::ofstream{place + "/.opencode/skill/" + name + "/SKILL.md"} << "---\nname: " << name
                                                                        << "\ndescription: Of use.\n---\n# Do it\n";
    };
    const auto names = [&] { return server.call("GET", "/skill", nullptr, place).body.dump(); };
    put("first-skill");
    CHECK(names().find("\"first-skill\"") != std::string::npos);
    put("second-skill");
    CHECK(names().find("\"second-skill\"") == std::string::npos);
}

TEST_CASE("opencode: after kill -9 messages stay unfinished, nothing resumes, and the same ids again finish them") {
    ScriptedModel model{
        {call_of("bash", {{"command", "echo begun >> bash.txt; sleep 60"}, {"description", "d"}}), words({"Done."})}};
    OpencodeServer server{model.url()};
    const auto post = [&](const std::string& session, const json& body) {
        CHECK(server.call("POST", "/session/" + session + "/prompt_async", body, server.directory()).status == 204);
    };
    // One session whose tool runs when opencode dies, and one that waits for the model.
    server.make_session("ses_tool0001", allow_everything());
    post("ses_tool0001", OpencodeServer::prompt("0tool", "?"));
    eventually(60s, [&] { return std::filesystem::exists(server.directory() + "/bash.txt"); }, "the tool is at work");
    model.reset({words({"Hel", "lo."})});
    model.hold(0, Moment::kBeforeFirstToken);
    server.make_session("ses_killed0001", allow_everything());
    const auto prompt = OpencodeServer::prompt("0killed", "?");
    post("ses_killed0001", prompt);
    REQUIRE(model.wait_until_held());
    server.kill();
    server.start();

    CHECK(server.status("ses_killed0001") == "idle");
    CHECK(server.status("ses_tool0001") == "idle");
    const auto running = assistants_of(server.messages("ses_tool0001"), "0tool");
    REQUIRE(running.size() == 1);
    CHECK(tool_part(running[0]).at("state").value("status", "") == "running");
    CHECK_FALSE(running[0].at("info").at("time").contains("completed"));

    model.reset({words({"Hel", "lo."})});
    post("ses_killed0001", prompt);
    eventually(60s, [&] { return is_answered(server, "ses_killed0001", "0killed"); }, "the same ids again go on");
    CHECK(model.calls() == 1);
    CHECK(server.messages("ses_killed0001").front().at("parts").size() == 1);
}

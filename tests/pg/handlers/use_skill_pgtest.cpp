// Promoted skills in turns: which are offered, and what use_skill answers.
#include <algorithm>

#include "learning_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

std::string add_skill(Organisation& org, const std::string& name, const std::string& body, const std::string& status,
                      const std::string& tenant = "") {
    auto& db = org.database();
    const auto id = db.value(
        "INSERT INTO skills (tenant_id, name, description, body) VALUES (nullif($1, '')::uuid, $2, 'about ' || $2, $3) "
        "RETURNING id",
        pqxx::params{tenant.empty() ? org.tenant() : tenant, name, body});
    if (status != "proposed") db.execute("SELECT promote_skill($1)", pqxx::params{id});
    if (status == "deprecated") db.execute("SELECT deprecate_skill($1)", pqxx::params{id});
    return id;
}

bool offers_use_skill(const ChatRequest& request) {
    return std::ranges::any_of(request.tools, [](const auto& tool) { return tool.name == "use_skill"; });
}

/// Uses the skill "report" and repeats what it was told.
ChatReply use_report(const ChatRequest& request, int /*number*/) {
    if (request.messages.back().role == clients::Role::kTool) return say(request.messages.back().content);
    return use_tool("use_skill", R"({"name": "report"})");
}

}  // namespace

TEST_CASE("use_skill: a turn is offered its tenant's promoted skills and no others") {
    auto chat = scripted(use_report);
    Organisation org{chat};
    const auto other = org.database().value("INSERT INTO tenants (name, slug) VALUES ('F', 'f') RETURNING id");
    add_skill(org, "report", "# Skill: Report", "promoted");
    add_skill(org, "draft", "x", "proposed");
    add_skill(org, "old", "x", "deprecated");
    add_skill(org, "foreign", "x", "promoted", other);
    const auto job = org.enqueue_turn("Write the report.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "# Skill: Report");
    const auto request = chat->requests().front();
    CHECK(offers_use_skill(request));
    const auto& system = request.messages.front().content;
    CHECK(system.find("- report: about report") != std::string::npos);
    for (const char* name : {"draft", "old", "foreign"}) CHECK(system.find(name) == std::string::npos);
    CHECK(org.database().value(
              "SELECT count(*) FROM audit_log WHERE action = 'tool.execute' AND target = 'use_skill'") == "1");
}

TEST_CASE("use_skill: skills that are not the turn's are refused by name") {
    auto chat = scripted([](const ChatRequest& request, int) {
        if (request.messages.back().role == clients::Role::kTool) return say(request.messages.back().content);
        return use_tool("use_skill", R"({"name": "foreign"})");
    });
    Organisation org{chat};
    const auto other = org.database().value("INSERT INTO tenants (name, slug) VALUES ('F', 'f') RETURNING id");
    add_skill(org, "report", "x", "promoted");
    add_skill(org, "foreign", "secret", "promoted", other);
    const auto job = org.enqueue_turn("Go.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"].get<std::string>().find("there is no skill \\\"foreign\\\" here") !=
          std::string::npos);
}

TEST_CASE("use_skill: it is offered only where there are skills and roles do not deny it") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat};
    REQUIRE(org.finish(org.enqueue_turn("Hello.")) == "completed");
    CHECK_FALSE(offers_use_skill(chat->requests().back()));
    const auto id = add_skill(org, "report", "x", "promoted");
    REQUIRE(org.finish(org.enqueue_turn("Hello.")) == "completed");
    CHECK(offers_use_skill(chat->requests().back()));
    org.database().execute(
        "UPDATE roles SET permissions = jsonb_set(permissions, '{tools,denied}', '[\"use_skill\"]')");
    REQUIRE(org.finish(org.enqueue_turn("Hello.")) == "completed");
    CHECK_FALSE(offers_use_skill(chat->requests().back()));
    org.database().execute("UPDATE roles SET permissions = jsonb_set(permissions, '{tools,denied}', '[]')");
    org.database().execute("SELECT deprecate_skill($1)", pqxx::params{id});
    REQUIRE(org.finish(org.enqueue_turn("Hello.")) == "completed");
    CHECK_FALSE(offers_use_skill(chat->requests().back()));
}

TEST_CASE("use_skill: of two promoted skills of one name a turn is offered the newer") {
    auto chat = scripted(use_report);
    Organisation org{chat};
    auto& db = org.database();
    add_skill(org, "report", "old", "promoted");
    const auto newer = add_skill(org, "report", "new", "promoted");
    CHECK(db.value("SELECT string_agg(body || ' ' || status, ',' ORDER BY created_at) FROM skills") ==
          "old deprecated,new promoted");
    const auto job = org.enqueue_turn("Report.");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "new");
    // Two that a writer of its own left promoted: the later promotion counts, and the name is listed once.
    db.execute(
        "ALTER TABLE skills DISABLE TRIGGER USER; UPDATE skills SET status = 'promoted', promoted_at = now() - "
        "CASE body WHEN 'new' THEN interval '1 hour' ELSE interval '0' END; ALTER TABLE skills ENABLE TRIGGER USER");
    const auto again = org.enqueue_turn("Report.");
    REQUIRE(org.finish(again) == "completed");
    CHECK(org.result(again)["text"] == "old");
    const auto system = chat->requests().back().messages.front().content;
    CHECK(system.find("- report:") == system.rfind("- report:"));
}

TEST_CASE("use_skill: a turn that begins again gets the skill that it was offered, whatever was decided meanwhile") {
    auto chat =
        std::make_shared<ScriptedChat>([](const ChatRequest& request, int number) -> boost::asio::awaitable<ChatReply> {
            if (number == 1) {
                boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, 1h};
                co_await forever.async_wait(boost::asio::use_awaitable);
            }
            co_return use_report(request, number);
        });
    Organisation org{chat};
    add_skill(org, "report", "as offered", "promoted");
    const auto job = org.enqueue_turn("Report.");
    org.start();
    eventually(30s, [&] { return chat->requests().size() == 1; }, "the model is asked");
    org.stop();
    add_skill(org, "report", "later", "promoted");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["text"] == "as offered");
    const auto next = org.enqueue_turn("Report.");
    REQUIRE(org.finish(next) == "completed");
    CHECK(org.result(next)["text"] == "later");
}

/// @file  Preferences that a turn remembers by itself.

#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

auto friendly_chat() {
    return scripted([](const ChatRequest&, int) { return say("Noted."); });
}

std::string preferences(Organisation& org) {
    return org.database().value(
        "SELECT coalesce(string_agg(content, ' ' ORDER BY metadata ->> 'topic'), '') FROM memories WHERE kind = "
        "'preference' "
        "AND visibility = 'private'");
}

std::string run_turn(Organisation& org, const std::string& text) {
    const auto job = org.enqueue_turn(text);
    REQUIRE(org.finish(job) == "completed");
    return job;
}

}  // namespace

TEST_CASE("preferences: what a user says is remembered once, replaced by what they say later, and embedded") {
    Organisation org{friendly_chat()};
    run_turn(org, "Hello, call me Bob. I prefer short answers.");
    CHECK(preferences(org) == "The user wants to be called Bob. The user prefers short answers.");
    run_turn(org, "As I said: call me Bob!");
    run_turn(org, "Please call me Robert from now on.");
    CHECK(preferences(org) == "The user wants to be called Robert. The user prefers short answers.");
    CHECK(org.database().value("SELECT metadata ->> 'replaced' FROM memories WHERE metadata ->> 'topic' = 'name'") ==
          "The user wants to be called Bob.");
    CHECK(org.database().value(
              "SELECT string_agg(action, ' ' ORDER BY action) FROM audit_log WHERE action LIKE 'memory.%'") ==
          "memory.create memory.create memory.update");
    eventually(
        std::chrono::seconds{60},
        [&] {
            return org.database().value("SELECT count(*) FROM memories WHERE embedding_model IS NULL") == "0" &&
                   org.database().value(
                       "SELECT count(*) FROM jobs WHERE kind = 'embed-memories' AND status = 'completed'") != "0";
        },
        "the preferences have their embeddings");
}

TEST_CASE("preferences: nothing is remembered for somebody who may not write memories, or where it is switched off") {
    {
        Organisation org{friendly_chat()};
        org.database().execute("UPDATE roles SET permissions = jsonb_set(permissions, '{memory,write}', 'false')");
        run_turn(org, "Call me Bob.");
        CHECK(preferences(org).empty());
    }
    Organisation off{friendly_chat(), std::make_shared<clients::OfflineEmbedder>(),
                     [](agent::AgentSettings& settings) { settings.preferences = agent::PreferenceExtraction::kOff; }};
    run_turn(off, "Call me Bob.");
    CHECK(preferences(off).empty());
}

TEST_CASE("preferences: what the model remembered by itself in the same turn becomes the preference") {
    Organisation org{scripted([](const ChatRequest&, int number) {
        if (number > 1) return say("Done.");
        return use_tool("memory_add", R"({"content": "Likes to be called Bob", "kind": "fact"})");
    })};
    run_turn(org, "Call me Bob.");
    CHECK(org.database().value("SELECT string_agg(kind || ': ' || content, '; ') FROM memories") ==
          "preference: The user wants to be called Bob.");
}

TEST_CASE("preferences: a failure to remember never fails the turn") {
    Organisation org{friendly_chat()};
    org.database().execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = "
        "'check_violation'; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON memories FOR EACH ROW EXECUTE FUNCTION refuse()");
    run_turn(org, "Call me Bob.");
    CHECK(preferences(org).empty());
}

TEST_CASE("preferences: a model that is asked is believed within bounds, paid for, and not shown to those who stream") {
    Organisation org{
        scripted([](const ChatRequest& request, int) {
            const bool asked = request.messages.front().content.find("JSON array") != std::string::npos;
            return say(
                asked
                    ? R"([{"topic": "name", "content": "The user is to be called Bob."}, {"topic": "?", "content": "x"}])"
                    : "Noted.");
        }),
        std::make_shared<clients::OfflineEmbedder>(),
        [](agent::AgentSettings& settings) { settings.preferences = agent::PreferenceExtraction::kModel; }};
    const auto job = run_turn(org, "Everybody says Bob to me, do that, too.");
    CHECK(preferences(org) == "The user is to be called Bob.");
    CHECK(org.database().value("SELECT count(*) FROM usage_events WHERE purpose = 'preferences'") == "1");
    CHECK(org.database().value("SELECT count(*) FROM session_stream WHERE delta LIKE '%topic%'") == "0");
    CHECK(org.result(job)["text"] == "Noted.");
}

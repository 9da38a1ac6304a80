#include "agent/reflection.hpp"

#include <catch2/catch_test_macros.hpp>

#include "agent/tokens.hpp"

using namespace oiab::agent;
using oiab::store::MessageRow;

namespace {

MessageRow row(std::string role, std::string content, std::string calls = {}) {
    MessageRow made;
    made.role = std::move(role);
    made.content = std::move(content);
    if (!calls.empty()) made.tool_calls = std::move(calls);
    return made;
}

}  // namespace

TEST_CASE("reflection: the prompt tells request, calls, answers and the end, in order") {
    const std::vector<MessageRow> turn{row("user", "Find it."),
                                       row("assistant", "I look.", R"([{"name":"search","arguments":"{\"q\":1}"}])"),
                                       row("tool", "found"), row("assistant", "Here it is.")};
    CHECK(make_reflection_prompt(turn) ==
          "Request:\nFind it.\n\nWhat the agent did, in order:\n1. Said: I look.\n2. Called search with {\"q\":1}\n"
          "3. It answered: found\n\nIts answer:\nHere it is.");
}

TEST_CASE("reflection: a long turn stays within its share of the window") {
    std::vector<MessageRow> turn{row("user", std::string(200'000, 'q'))};
    for (int i = 0; i < 200; ++i) {
        turn.push_back(row("assistant", "", R"([{"name":"read","arguments":"{}"}])"));
        turn.push_back(row("tool", std::string(100'000, 'r')));
    }
    turn.push_back(row("assistant", std::string(200'000, 'a')));
    const auto prompt = make_reflection_prompt(turn);
    CHECK(estimate_tokens(prompt) < 13'000);
    CHECK(prompt.find(" more steps are left out)") != std::string::npos);
    CHECK(prompt.ends_with("a…"));
}

TEST_CASE("reflection: tool calls of any form are shown without trust") {
    const std::vector<MessageRow> turn{row("assistant", "x", "[7]"), row("assistant", "y", "{broken")};
    CHECK(make_reflection_prompt(turn).find("Called  with ") != std::string::npos);
}

TEST_CASE("reflection: an answer is read out of prose and fenced code") {
    const auto read = parse_reflection(
        "Sure {here}:\n```json\n{\"worked\": \"a\", \"failed\": [\"b\", 7, \"c\"], \"reusable\": \"d {e}\"}\n```");
    CHECK(read.worked == "a");
    CHECK(read.failed == "b; c");
    CHECK(read.reusable == "d {e}");
    CHECK(read.text() == "What worked: a\nWhat failed: b; c\nReusable: d {e}");
}

TEST_CASE("reflection: words for nothing are nothing") {
    const auto read = parse_reflection(R"({"worked": "Nothing.", "failed": "N/A", "reusable": "None"})");
    CHECK(read.worked.empty());
    CHECK(read.failed.empty());
    CHECK(read.reusable.empty());
    CHECK(read.text() == "What worked: nothing\nWhat failed: nothing\nReusable: nothing");
}

TEST_CASE("reflection: an answer without an object counts as a whole, and teaches nothing reusable") {
    const auto read = parse_reflection("  It went well.\n");
    CHECK(read.worked == "It went well.");
    CHECK(read.reusable.empty());
    CHECK(parse_reflection(std::string(100'000, 'x')).worked.size() <= 2'003);
    CHECK(parse_reflection("{\"reusable\": \"a\\u0000\\ud83d\"}").reusable == "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

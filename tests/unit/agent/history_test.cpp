#include "agent/history.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace oiab::agent;
using oiab::clients::ChatMessage;
using oiab::clients::Role;

namespace {

ChatMessage message(Role role, std::string text) { return {role, std::move(text), {}, {}}; }

/// Two exchanges; the first one has a tool call in it.
std::vector<ChatMessage> conversation() {
    ChatMessage call = message(Role::kAssistant, "");
    call.tool_calls.push_back({"c1", "memory_search", R"({"query":"x"})"});
    ChatMessage answer = message(Role::kTool, "found");
    answer.tool_call_id = "c1";
    return {message(Role::kUser, std::string(400, 'q')),
            call,
            answer,
            message(Role::kAssistant, "first"),
            message(Role::kUser, "second?"),
            message(Role::kAssistant, "second")};
}

}  // namespace

TEST_CASE("history: exchanges are dropped whole, so no tool answer loses its call") {
    const auto history = conversation();
    CHECK(count_exchanges(history) == 2);
    const auto rest = without_oldest(history, 1);
    REQUIRE(rest.size() == 2);
    CHECK(rest.front().content == "second?");
    CHECK(without_oldest(history, 0).size() == history.size());
    CHECK(without_oldest(history, 2).empty());
}

TEST_CASE("history: as many of the oldest go as the window demands") {
    const auto history = conversation();
    CHECK(exchanges_to_drop(history, 10'000) == 0);
    CHECK(exchanges_to_drop(history, 50) == 1);
    CHECK(exchanges_to_drop(history, 1) == 2);
    CHECK(exchanges_to_drop({}, 0) == 0);
}

TEST_CASE("history: what precedes the first user's message goes with the first exchange") {
    std::vector<ChatMessage> history{message(Role::kAssistant, "welcome")};
    for (auto& later : conversation()) history.push_back(later);
    CHECK(count_exchanges(history) == 2);
    CHECK(without_oldest(history, 1).front().content == "second?");
}

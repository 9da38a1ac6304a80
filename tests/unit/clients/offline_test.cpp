#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "clients/lexical_vector.hpp"
#include "clients/offline_chat.hpp"
#include "clients/offline_embedder.hpp"
#include "clients/offline_plan.hpp"
#include "clients/offline_text.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using nlohmann::json;
using oiab::core::Deadline;
using oiab::tests::run_coroutine;

namespace {

double like(std::string_view left, std::string_view right) {
    return likeness(lexical_vector(left), lexical_vector(right));
}

ChatAnswer ask(ChatRequest request, std::string* told = nullptr) {
    OfflineChat chat;
    auto answer = run_coroutine(chat.complete(std::move(request), [&](std::string_view text) {
        if (told != nullptr) *told += text;
    }));
    REQUIRE(answer);
    return *answer;
}

ChatRequest request(std::string system, std::string user) {
    ChatRequest out;
    out.model = "offline-1";
    out.messages = {{Role::kSystem, std::move(system), {}, {}}, {Role::kUser, std::move(user), {}, {}}};
    return out;
}

const std::vector<ToolDefinition> kTools = {
    {"memory_add", "", R"({"type":"object","properties":{"kind":{"type":"string"},"content":{"type":"string"}}})"},
    {"memory_search", "", R"({"type":"object","properties":{"query":{"type":"string"}}})"},
    {"plan_tasks", "", R"({"type":"object","properties":{"taskDescription":{"type":"string"}}})"}};

}  // namespace

TEST_CASE("offline embedder: vectors are unit vectors and the same every time") {
    OfflineEmbedder embedder;
    const auto once = run_coroutine(embedder.embed({"Ada likes jasmine tea", "…"}, Deadline::never()));
    const auto again = run_coroutine(embedder.embed({"Ada likes jasmine tea"}, Deadline::never()));
    REQUIRE(once);
    REQUIRE(again);
    CHECK(once->items[0].vector == again->items[0].vector);
    CHECK(once->items[0].vector.size() == kEmbeddingDimensions);
    CHECK(std::abs(likeness(once->items[0].vector, once->items[0].vector) - 1.0) < 1e-5);
    CHECK(once->items[1].refused());
    CHECK(embedder.model().find("lexical") != std::string_view::npos);
}

TEST_CASE("offline embedder: a question finds the sentence that answers it and leaves others alone") {
    const std::string memory = "Ada's favourite tea is jasmine";
    CHECK(like("Which tea is my favourite?", memory) >= 0.3);
    CHECK(like("Do we have any teas?", memory) >= 0.3);
    CHECK(like("Ada\xE2\x80\x99s tea", "ada's teas") > 0.99);
    CHECK(like("When does the quarterly report have to be finished?", memory) < 0.3);
    CHECK(like("The quarterly report is due on the first Friday of the month", "When is the quarterly report due?") >=
          0.3);
    CHECK(like("What is the weather like?", "The user is called Bob") < 0.3);
}

TEST_CASE("offline chat: a recalled memory changes the answer") {
    std::string told;
    const auto without = ask(request("Be kind.", "Which tea is my favourite?"));
    const auto with =
        ask(request("Be kind.\n<memory-context>\n- [fact] Ada's favourite tea is jasmine\n- The office is in "
                    "Lisbon\n</memory-context>",
                    "Which tea is my favourite?"),
            &told);
    CHECK(without.content.find("jasmine") == std::string::npos);
    CHECK(with.content == "I remember: Ada's favourite tea is jasmine");
    CHECK(told == with.content);
    CHECK(with.model == "offline-1");
    REQUIRE(with.usage);
    CHECK(with.usage->input_tokens > 0);
}

TEST_CASE("offline chat: what was said earlier in the conversation is used") {
    ChatRequest talk = request("Be kind.", "My project is called Heron.");
    talk.messages.push_back({Role::kAssistant, "Noted.", {}, {}});
    talk.messages.push_back({Role::kUser, "What is my project called?", {}, {}});
    CHECK(ask(talk).content == "Earlier you said: My project is called Heron.");
}

TEST_CASE("offline chat: tools are called where the user says so and the request offers them") {
    ChatRequest wish = request("", "Please remember that I take oat milk");
    wish.tools = kTools;
    auto answer = ask(wish);
    REQUIRE(answer.tool_calls.size() == 1);
    CHECK(answer.finish_reason == "tool_calls");
    CHECK(answer.tool_calls[0].name == "memory_add");
    CHECK(json::parse(answer.tool_calls[0].arguments) == json{{"content", "I take oat milk"}});
    CHECK(ask(wish).tool_calls[0].id == answer.tool_calls[0].id);

    ChatRequest told = wish;
    told.messages.push_back({Role::kAssistant, "", answer.tool_calls, {}});
    told.messages.push_back({Role::kTool, R"({"id":"m1"})", {}, answer.tool_calls[0].id});
    answer = ask(told);
    CHECK(answer.tool_calls.empty());
    CHECK(answer.content == R"(memory_add says: {"id":"m1"})");
    told.messages.back().content = R"({"memoryId":"m1","status":"remembered"})";
    CHECK(ask(told).content == "I will remember that.");
    told.messages.back().content = R"({"memories":[{"kind":"fact","content":"Oat milk"},{"content":"Tea"}]})";
    CHECK(ask(told).content == "I found in my memory: Oat milk; Tea");
    told.messages.back().content = R"({"memories":[]})";
    CHECK(ask(told).content == "I searched my memory and found nothing.");

    wish.messages.back().content = "Search your memory for milk";
    CHECK(json::parse(ask(wish).tool_calls.at(0).arguments) == json{{"query", "milk"}});
    wish.messages.back().content = "Plan: write the report, then send it";
    answer = ask(wish);
    CHECK(answer.tool_calls.at(0).name == "plan_tasks");
    CHECK(json::parse(answer.tool_calls[0].arguments) == json{{"taskDescription", "write the report, then send it"}});

    wish.tools.clear();
    CHECK(ask(wish).tool_calls.empty());
}

TEST_CASE("offline chat: a planner's prompt gets a plan within its limit") {
    const auto answer =
        ask(request("You are a task decomposition specialist. Answer with a JSON array of objects with "
                    "description, agent and dependencies. Use at most 4 subtasks.",
                    "Task: Compare the two vendors"));
    const json plan = json::parse(answer.content);
    REQUIRE(plan.size() == 4);
    CHECK(plan[0]["dependencies"].empty());
    CHECK(plan[1]["dependencies"] == json{0});
    CHECK(plan[2]["dependencies"] == json{0});
    CHECK(plan[3]["dependencies"] == json{1, 2});
    CHECK(plan[3]["agent"] == "build");
    CHECK(plan[0]["description"] == "Gather what is known about: Compare the two vendors");
}

TEST_CASE("offline plan: the wording decides what goes one after the other and what side by side") {
    const json plan =
        json::parse(plan_offline("Collect the figures, then draw the chart and write the text; send it.", 5));
    REQUIRE(plan.size() == 4);
    CHECK(plan[0]["description"] == "Collect the figures");
    CHECK(plan[1]["description"] == "draw the chart");
    CHECK(plan[2]["description"] == "write the text");
    CHECK(plan[2]["dependencies"] == json{0});
    CHECK(plan[3]["description"] == "send it");
    CHECK(plan[3]["dependencies"] == json{1, 2});
}

TEST_CASE("offline plan: every size and text gives a plan without cycles that keeps to its limit") {
    for (const std::string text : {"", "x", "a and b and c and d and e and f", "a then b then c then d", ";;;",
                                   "and then", "One. Two. Three and four, five; then six\nseven"}) {
        for (std::size_t limit = 0; limit < 8; ++limit) {
            const json plan = json::parse(plan_offline(text, limit));
            CHECK(!plan.empty());
            CHECK(plan.size() <= std::max<std::size_t>(limit, 1));
            for (std::size_t i = 0; i < plan.size(); ++i) {
                for (const json& dependency : plan[i]["dependencies"]) CHECK(dependency.get<std::size_t>() < i);
            }
        }
    }
}

TEST_CASE("offline chat: a subtask names the earlier results that it builds on") {
    const std::string system = "You are the agent \"build\" and work on one subtask of a larger task.";
    CHECK(ask(request(system, "Gather the facts")).content == "Done: Gather the facts.");
    const auto answer =
        ask(request(system,
                    "Context from previous steps:\n\nSubtask 0: Gather the facts\nResult:\nThere are two "
                    "vendors.\nBoth are cheap.\n\nYour subtask:\nWeigh them"));
    CHECK(answer.content == "Done: Weigh them. Built on \"Gather the facts\".");
}

TEST_CASE("offline chat: a synthesis puts the parts together and says what is missing") {
    const auto answer =
        ask(request("You combine the results of several agents into one answer.",
                    "Synthesize the final answer.\n\nTask:\nChoose a vendor\n\nResults of the subtasks:\n\n"
                    "Subtask 0: Gather\nResult:\nTwo vendors.\nBoth cheap.\n\nMissing, say so in the answer:\n\n"
                    "Subtask 1: Weigh\nFailed: out of time\n"));
    CHECK(answer.content ==
          "The parts of \"Choose a vendor\" together:\n- Gather: Two vendors. Both cheap.\n- Missing: Weigh: out of "
          "time");
}

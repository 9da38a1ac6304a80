#include "clients/offline_learning.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace oiab::clients;
using nlohmann::json;

namespace {

constexpr const char* kReviewer = "You review a finished turn of an agent.";
constexpr const char* kWriter = "You write skills for the agents of an organisation.";

json answer(const char* system, const std::string& prompt) {
    const auto text = answer_learning_offline(system, prompt);
    REQUIRE(text.has_value());
    return json::parse(*text);
}

std::string turn(const std::string& request, const std::string& steps) {
    return "Request:\n" + request + "\n\nWhat the agent did, in order:\n" + steps + "\nIts answer:\nDone.";
}

}  // namespace

TEST_CASE("offline learning: a review names what worked and what refused") {
    const auto review = answer(kReviewer, turn("Remember that tea is green.",
                                               "1. Called memory_add with {}\n2. It answered: {\"memoryId\": \"7\"}\n"
                                               "3. Called plan_tasks with {}\n4. It answered: {\"error\":\"no\"}\n"));
    CHECK(review["worked"] == "memory_add for \"Remember that tea is green.\"");
    CHECK(review["failed"] == "plan_tasks refused.");
    CHECK(review["reusable"] == "");
}

TEST_CASE("offline learning: several tools in a row are a pattern") {
    const auto review = answer(
        kReviewer, turn("Go", "1. Called a with {}\n2. It answered: x\n3. Called b with {}\n4. It answered: y\n"));
    CHECK(review["reusable"] == "a, then b");
}

TEST_CASE("offline learning: a turn in which nothing worked teaches nothing reusable") {
    const auto review =
        answer(kReviewer, turn("Go", "1. Called memory_add with {}\n2. It answered: {\"error\":\"no\"}\n"));
    CHECK(review["worked"] == "");
    CHECK(review["reusable"] == "");
    CHECK(review["failed"] == "memory_add refused.");
}

TEST_CASE("offline learning: a skill is about what all requests share") {
    const std::string prompt =
        "2 turns that resemble each other:\n"
        "\nTurn 1\nTools: memory_add, memory_search\nOutcome: success\n"
        "What worked: x for \"Remember that invoice 17 is due on Friday.\"\nWhat failed: "
        "nothing\n"
        "\nTurn 2\nTools: memory_add\nOutcome: success\n"
        "What worked: x for \"Remember that invoice 18 is due on Monday.\"\nWhat failed: "
        "nothing\n";
    const auto skill = answer(kWriter, prompt);
    CHECK(skill["name"] == "remember-invoice-due");
    const auto body = skill["body"].get<std::string>();
    CHECK(body.starts_with("# Skill: remember invoice due\n\n## When to use it\n"));
    CHECK(body.find("1. Call memory_add.\n2. Call memory_search.\n") != std::string::npos);
    CHECK(skill == answer(kWriter, prompt));
}

TEST_CASE("offline learning: reviews of any form make a skill, and other conversations are left alone") {
    CHECK(answer(kWriter, "")["body"].get<std::string>().find("\n## When to use it\n") != std::string::npos);
    CHECK(answer(kReviewer, "")["worked"] == "");
    CHECK_FALSE(answer_learning_offline("You are an assistant.", "You write skills").has_value());
}

TEST_CASE("offline learning: a skill is asked for by name") {
    CHECK(wanted_skill("Please use the skill \"weekly-report\".") == "weekly-report");
    CHECK(wanted_skill("Use the skill a now") == "a");
    CHECK_FALSE(wanted_skill("use the skill  ").has_value());
    CHECK_FALSE(wanted_skill("a skill is useful").has_value());
}

#include "agent/prompts.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace oiab::agent;

TEST_CASE("prompts: the system prompt is the frozen one, then memories, then skills") {
    const std::vector<SkillLine> skills{{"invoicing", "How to write an invoice."}};
    CHECK(
        make_system_prompt("Be a pirate.", "<memory-context>\n- x\n</memory-context>", skills) ==
        "Be a pirate.\n\n<memory-context>\n- x\n</memory-context>\n\nSkills of this organisation:\n- invoicing: How to "
        "write an invoice.");
    CHECK(make_system_prompt("Be a pirate.", "", {}) == "Be a pirate.");
    CHECK_FALSE(make_system_prompt("", "", {}).empty());
}

TEST_CASE("prompts: results of dependencies arrive as context from previous steps") {
    const std::vector<SubtaskReport> context{{0, "find figures", "42", false}};
    CHECK(make_subtask_prompt("write it up", context) ==
          "Context from previous steps:\n\nSubtask 0: find figures\nResult:\n42\n\nYour subtask:\nwrite it up");
    CHECK(make_subtask_prompt("write it up", {}) == "write it up");
}

TEST_CASE("prompts: a synthesis is told what is missing") {
    const std::vector<SubtaskReport> reports{{0, "a", "done", false}, {1, "b", "no access", true}};
    const auto prompt = make_synthesis_prompt("the task", reports);
    CHECK(prompt.find("Subtask 0: a\nResult:\ndone") != std::string::npos);
    CHECK(prompt.find("Missing, say so in the answer:\n\nSubtask 1: b\nFailed: no access") != std::string::npos);
}

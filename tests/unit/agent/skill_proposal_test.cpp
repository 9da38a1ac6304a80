#include "agent/skill_proposal.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace oiab::agent;
using nlohmann::json;

namespace {

json good() {
    return {{"name", "Weekly Report"},
            {"description", "When a weekly report is asked for."},
            {"body", "# Skill: Weekly report\n\n## When to use it\n\nOn Fridays.\n\n1. Search.\n"}};
}

bool complains(const json& answer, const std::string& part) {
    const auto draft = parse_skill_answer(answer.dump());
    if (draft) return false;
    return std::ranges::any_of(draft.error(),
                               [&](const std::string& fault) { return fault.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("skill proposal: a good answer is read, also out of prose and fenced code") {
    const auto draft = parse_skill_answer("Here {you} go:\n```json\n" + good().dump(2) + "\n```\n");
    REQUIRE(draft.has_value());
    CHECK(draft->name == "weekly-report");
    CHECK(draft->description == "When a weekly report is asked for.");
    CHECK(draft->body.starts_with("# Skill: Weekly report\n"));
}

TEST_CASE("skill proposal: what is missing or of the wrong type is told by name") {
    for (const char* field : {"name", "description", "body"}) {
        auto missing = good();
        missing.erase(field);
        CHECK(complains(missing, "\"" + std::string{field} + "\" must be a string"));
        auto wrong = good();
        wrong[field] = 7;
        CHECK(complains(wrong, "\"" + std::string{field} + "\" must be a string"));
        auto blank = good();
        blank[field] = " \n";
        CHECK(complains(blank, "\"" + std::string{field} + "\" must not be empty"));
        auto long_one = good();
        long_one[field] = std::string(20'000, 'x');
        CHECK(complains(long_one, "\"" + std::string{field} + "\" has 20000 bytes"));
    }
    CHECK(complains(json::array({1}), "no JSON object"));
    CHECK(complains(json::object(), "no JSON object"));
}

TEST_CASE("skill proposal: the body begins with its title and says when") {
    auto answer = good();
    answer["body"] = "Weekly report\n\n## When to use it\nx";
    CHECK(complains(answer, "must begin with \"# Skill: \""));
    answer["body"] = "# Skill: \n\n## When to use it\nx";
    CHECK(complains(answer, "must begin with \"# Skill: \""));
    answer["body"] = "# Skill: A\n\nWhen to use it: now.";
    CHECK(complains(answer, "needs a section"));
    answer["body"] = "# Skill: When to laugh";
    CHECK(complains(answer, "needs a section"));
    answer["body"] = "# Skill: A\n### when to reach for this\nx";
    CHECK(parse_skill_answer(answer.dump()).has_value());
}

TEST_CASE("skill proposal: a description is one line, an answer is bounded, and all faults are told at once") {
    auto answer = good();
    answer["description"] = "a\nb";
    answer["body"] = "x";
    const auto draft = parse_skill_answer(answer.dump());
    REQUIRE_FALSE(draft.has_value());
    CHECK(draft.error().size() == 3);
    CHECK_FALSE(parse_skill_answer(std::string(100'000, ' ') + good().dump()).has_value());
}

TEST_CASE("skill proposal: the prompt tells of every turn") {
    const std::vector<TurnReview> reviews{{{"a", "b"}, "success", "What worked: x"}, {{"a"}, "partial", "y"}};
    CHECK(make_skill_prompt(reviews) ==
          "2 turns that resemble each other:\n\nTurn 1\nTools: a, b\nOutcome: success\nWhat worked: x\n"
          "\nTurn 2\nTools: a\nOutcome: partial\ny\n");
    const std::vector<std::string> faults{"one", "two"};
    CHECK(make_skill_correction(faults).find("\n- one\n- two\n") != std::string::npos);
}

#include "agent/skill_file.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace oiab::agent;

namespace {

bool is_accepted(const std::string& name) {
    if (name.empty() || name.size() > 64 || name.front() == '-' || name.back() == '-') return false;
    if (name.find("--") != std::string::npos) return false;
    return std::ranges::all_of(name,
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string line_of(const std::string& file, const std::string& key) {
    const auto begin = file.find("\n" + key + ": ") + 1;
    return file.substr(begin, file.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("skill file: a name becomes lowercase words with hyphens") {
    CHECK(make_skill_file_name("Weekly Report") == "weekly-report");
    CHECK(make_skill_file_name("weekly_report") == "weekly-report");
    CHECK(make_skill_file_name("  -- weekly -- report --") == "weekly-report");
    CHECK(make_skill_file_name("api2") == "api2");
}

TEST_CASE("skill file: whatever the name, a runtime accepts what is made of it") {
    for (const std::string& name :
         {std::string{}, std::string{"日本語"}, std::string{"../../etc/passwd"}, std::string(500, 'a'),
          std::string{"-"}, std::string{"a\nb: c"}, std::string{"\xff\xfe", 2}, std::string(63, 'x') + " y z"}) {
        INFO(name);
        CHECK(is_accepted(make_skill_file_name(name)));
    }
}

TEST_CASE("skill file: names that lose letters do not become one") {
    CHECK(make_skill_file_name("日本") != make_skill_file_name("日光"));
    CHECK(make_skill_file_name(std::string(70, 'a') + "1") != make_skill_file_name(std::string(70, 'a') + "2"));
    CHECK(make_skill_file_name("c++") != make_skill_file_name("c"));
    CHECK(make_skill_file_name("日本") == make_skill_file_name("日本"));
}

TEST_CASE("skill file: front matter, then the body") {
    CHECK(make_skill_file("Weekly Report", "When a report is due.", "# Skill: Weekly Report\n\nText.", 3) ==
          "---\nname: weekly-report\ndescription: \"When a report is due.\"\nmetadata:\n  version: \"3\"\n---\n\n"
          "# Skill: Weekly Report\n\nText.\n");
}

TEST_CASE("skill file: a description can neither end the front matter nor add a field") {
    const auto file = make_skill_file("a", "one\n---\nevil: \"yes\" \\ \xe2\x80\xa8two\x01\xc2\x85 three", "body", 1);
    CHECK(line_of(file, "description") == R"(description: "one --- evil: \"yes\" \\ two three")");
    CHECK(file.find("\nevil") == std::string::npos);
}

TEST_CASE("skill file: a description is cut between characters and never missing") {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += "ä";
    CHECK(line_of(make_skill_file("a", text, "b", 1), "description").size() ==
          std::string{"description: \"\""}.size() + 2 * 1024);
    CHECK(line_of(make_skill_file("Some Name", " \n ", "b", 1), "description") == R"(description: "Some Name")");
}

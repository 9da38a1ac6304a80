// Skills as files in a directory whose content somebody else may have chosen.
#include "agent/opencode_skills.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "support/temporary_directory.hpp"

using namespace oiab::agent;
using oiab::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

std::string content_of(const fs::path& file) {
    std::ifstream stream{file, std::ios::binary};
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

struct Place {
    TemporaryDirectory home;
    fs::path skills = fs::path{home.path()} / "root" / "tenant" / ".opencode" / "skill";

    std::vector<std::string> write(const std::vector<OpencodeSkill>& what) const {
        return write_opencode_skills(what, home.path() + "/root", "tenant");
    }
};

const std::vector<OpencodeSkill> kTwo{{"close-books", "Step one.\n"}, {"open-books", "Step two.\n"}};

}  // namespace

TEST_CASE("opencode skills: they are written once, kept, and removed when they are promoted no more") {
    const Place place;
    CHECK(place.write({}).empty());
    CHECK_FALSE(fs::exists(place.skills));
    CHECK(place.write(kTwo) == std::vector<std::string>{"close-books", "open-books"});
    CHECK(content_of(place.skills / "open-books" / "SKILL.md") == "Step two.\n");
    fs::create_directory(place.skills / "others");
    CHECK(place.write({{"close-books", "Step one, changed.\n"}}).size() == 1);
    CHECK(content_of(place.skills / "close-books" / "SKILL.md") == "Step one, changed.\n");
    CHECK_FALSE(fs::exists(place.skills / "open-books"));
    CHECK(fs::exists(place.skills / "others"));
    CHECK(place.write({}).empty());
    CHECK_FALSE(fs::exists(place.skills / "close-books"));
}

TEST_CASE("opencode skills: pipes and endless files in the place of ours are replaced, not read") {
    const Place place;
    fs::create_directories(place.skills / "close-books");
    for (const auto& file : {place.skills / ".oiabd-skills", place.skills / "close-books" / "SKILL.md"}) {
        REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    }
    CHECK(place.write(kTwo).size() == 2);
    CHECK(content_of(place.skills / "close-books" / "SKILL.md") == "Step one.\n");
    // Sparse: more than the memory of any machine, in no room on the disk.
    constexpr off_t kHuge = off_t{1} << 42U;
    for (const auto& file : {place.skills / ".oiabd-skills", place.skills / "close-books" / "SKILL.md"}) {
        REQUIRE(::truncate(file.c_str(), kHuge) == 0);
    }
    CHECK(place.write(kTwo).size() == 2);
    CHECK(content_of(place.skills / "close-books" / "SKILL.md") == "Step one.\n");
    CHECK(content_of(place.skills / ".oiabd-skills") == "close-books\nopen-books\n");
}

TEST_CASE("opencode skills: a link leads nowhere, be it a directory, the file, or its draft") {
    const Place place;
    const TemporaryDirectory elsewhere;
    const auto treasure = elsewhere.write("treasure", "mine");
    const std::string draft = ".new-" + std::to_string(::getpid()) + "-" + std::to_string(::gettid());
    SECTION("files and drafts") {
        fs::create_directories(place.skills / "close-books");
        for (const auto& name : {fs::path{"SKILL.md"}, fs::path{"SKILL.md" + draft},
                                 fs::path{"SKILL.md.new-" + std::to_string(::getpid())}}) {
            fs::create_symlink(treasure, place.skills / "close-books" / name);
        }
        fs::create_symlink(treasure, place.skills / ".oiabd-skills");
        CHECK(place.write(kTwo).size() == 2);
        CHECK_FALSE(fs::is_symlink(place.skills / "close-books" / "SKILL.md"));
        CHECK(content_of(place.skills / "close-books" / "SKILL.md") == "Step one.\n");
    }
    SECTION("a skill's directory") {
        fs::create_directories(place.skills);
        fs::create_directory_symlink(elsewhere.path(), place.skills / "close-books");
        CHECK_THROWS_AS(place.write(kTwo), std::system_error);
    }
    SECTION("a directory above it") {
        const int depth = GENERATE(1, 2, 3);
        auto link = place.skills;
        for (int i = 1; i < depth; ++i) link = link.parent_path();
        fs::create_directories(link.parent_path());
        fs::create_directory_symlink(elsewhere.path(), link);
        CHECK_THROWS_AS(place.write(kTwo), std::system_error);
    }
    SECTION("a skill that is promoted no more") {
        REQUIRE(place.write(kTwo).size() == 2);
        fs::remove_all(place.skills / "open-books");
        elsewhere.write("SKILL.md", "theirs");
        fs::create_directory_symlink(elsewhere.path(), place.skills / "open-books");
        CHECK(place.write({kTwo.front()}).size() == 1);
        CHECK(content_of(elsewhere.path() + "/SKILL.md") == "theirs");
    }
    CHECK(content_of(treasure) == "mine");
    CHECK_FALSE(fs::exists(elsewhere.path() + "/close-books"));
}

#include "config/nearest.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

using namespace oiab::config;

TEST_CASE("edit distance: insertions, removals, changes and swapped neighbours count one each") {
    CHECK(edit_distance("lease", "lease") == 0);
    CHECK(edit_distance("leas", "lease") == 1);
    CHECK(edit_distance("leese", "lease") == 1);
    CHECK(edit_distance("laese", "lease") == 1);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("nearest name: a slip of the finger is found, another word is not") {
    constexpr std::array<std::string_view, 3> kKnown{"lease", "slots", "poll_interval"};
    CHECK(find_nearest("slot", kKnown) == "slots");
    CHECK(find_nearest("poll_intervall", kKnown) == "poll_interval");
    CHECK(find_nearest("banana", kKnown) == std::nullopt);
    CHECK(find_nearest(std::string(5'000'000, 'x'), kKnown) == std::nullopt);
    CHECK(did_you_mean("laese", kKnown) == "; did you mean lease?");
}

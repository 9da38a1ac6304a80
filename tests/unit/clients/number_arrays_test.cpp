#include "clients/number_arrays.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace oiab::clients;

TEST_CASE("number arrays: vectors are taken out of the text, and what stays tells where they were") {
    const auto taken = take_embedding_arrays(
        R"({"data":[{"embedding":[1, 2.5],"index":0},{"embedding": [-3],"object":"embedding"}],"n":[4]})", 8, 8);
    CHECK(taken.rest == R"({"data":[{"embedding":"#0","index":0},{"embedding": "#1","object":"embedding"}],"n":[4]})");
    REQUIRE(taken.arrays.size() == 2);
    CHECK(taken.arrays[0].values == std::vector<float>{1, 2.5F});
    CHECK(taken.arrays[1].values == std::vector<float>{-3});
}

TEST_CASE("number arrays: what is no vector stays where it is") {
    for (const char* text :
         {R"({"embedding":[]})", R"({"embedding":[1,[2]]})", R"({"embedding":[01]})", R"({"embedding":[1e39]})",
          R"({"embedding":[1)", R"({"embedding":)", R"({"embedding")", R"(["embedding",[1]])",
          R"({"x":"\"embedding\":[1]"})", R"({"embedding":"AACAPw=="})", ""}) {
        INFO(text);
        const auto taken = take_embedding_arrays(text, 8, 8);
        CHECK(taken.rest == text);
        CHECK(taken.arrays.empty());
    }
}

TEST_CASE("number arrays: no more arrays and no more numbers are kept than were asked for") {
    const auto taken = take_embedding_arrays(R"([{"embedding":[1,2,3]},{"embedding":[4]}])", 1, 2);
    CHECK(taken.rest == R"([{"embedding":"#0"},{"embedding":[4]}])");
    REQUIRE(taken.arrays.size() == 1);
    CHECK(taken.arrays[0].values == std::vector<float>{1, 2});
    CHECK(taken.arrays[0].length == 3);
}

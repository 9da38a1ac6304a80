/// @file  Array literals as the server reads them.

#include "queue/arrays.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace oiab;
using queue::ArrayText;

TEST_CASE("arrays: text is quoted and escaped, NULL is not text") {
    ArrayText array;
    array.add(std::string_view{R"(a "quoted" \ one, {two})"});
    array.add_null();
    array.add(std::string_view{"NULL"});
    array.add(std::string_view{""});
    CHECK(std::move(array).finish() == R"({"a \"quoted\" \\ one, {two}",NULL,"NULL",""})");
    CHECK(queue::text_array({}) == "{}");
}

TEST_CASE("arrays: keys become two literals in the same order") {
    const auto id = core::JobId::parse("01900000-0000-7000-8000-000000000001");
    REQUIRE(id);
    const core::AttemptKey keys[]{{*id, {3}}, {core::JobId{}, {-1}}};
    const auto arrays = queue::key_arrays(keys);
    CHECK(arrays.ids == "{01900000-0000-7000-8000-000000000001,00000000-0000-0000-0000-000000000000}");
    CHECK(arrays.epochs == "{3,-1}");
}

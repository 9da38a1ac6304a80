/// @file  Array literals as the server reads them.

#include "queue/arrays.hpp"

#include <fmt/format.h>

#include <catch2/catch_test_macros.hpp>

using namespace oiab;
using queue::ArrayText;

namespace {

/// In groups of four bytes.
std::string hex(const pqxx::bytes& bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0 && i % 4 == 0) text += ' ';
        text += fmt::format("{:02x}", std::to_integer<int>(bytes[i]));
    }
    return text;
}

}  // namespace

TEST_CASE("arrays: text is quoted and escaped, NULL is not text") {
    ArrayText array;
    array.add(std::string_view{R"(a "quoted" \ one, {two})"});
    array.add_null();
    array.add(std::string_view{"NULL"});
    array.add(std::string_view{""});
    CHECK(std::move(array).finish() == R"({"a \"quoted\" \\ one, {two}",NULL,"NULL",""})");
    CHECK(queue::text_array({}) == "{}");
}

TEST_CASE("arrays: keys become two binary arrays in the same order") {
    const auto id = core::JobId::parse("01900000-0000-7000-8000-0000000000ff");
    REQUIRE(id);
    const core::AttemptKey keys[]{{*id, {3}}, {core::JobId{}, {-1}}};
    const auto arrays = queue::key_arrays(keys);
    // One dimension, no nulls, the type's id, two elements from 1 on; each element behind its length.
    CHECK(hex(arrays.ids) ==
          "00000001 00000000 00000b86 00000002 00000001 "
          "00000010 01900000 00007000 80000000 000000ff "
          "00000010 00000000 00000000 00000000 00000000");
    CHECK(hex(arrays.epochs) ==
          "00000001 00000000 00000014 00000002 00000001 "
          "00000008 00000000 00000003 "
          "00000008 ffffffff ffffffff");
}

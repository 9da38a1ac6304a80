#include "core/uuid.hpp"

#include <catch2/catch_test_macros.hpp>
#include <unordered_set>

using oiab::core::JobId;
using oiab::core::Uuid;

TEST_CASE("uuid: the canonical form survives a round trip") {
    constexpr auto kText = "0192f0c4-7b1e-7abc-8def-0123456789ab";
    const auto uuid = Uuid::parse(kText);
    REQUIRE(uuid);
    CHECK(uuid->to_string() == kText);
    CHECK(uuid->to_hex() == "0192f0c47b1e7abc8def0123456789ab");
    CHECK(Uuid::parse(uuid->to_hex()) == uuid);
}

TEST_CASE("uuid: upper case is read and written as lower case") {
    CHECK(Uuid::parse("ABCDEF00-0000-0000-0000-000000000000")->to_string() == "abcdef00-0000-0000-0000-000000000000");
}

TEST_CASE("uuid: anything else is refused") {
    for (const auto* text : {"", "0192f0c4", "0192f0c4-7b1e-7abc-8def-0123456789a",
                             "0192f0c4-7b1e-7abc-8def-0123456789abc", "0192f0c4x7b1e-7abc-8def-0123456789ab",
                             "0192f0c4-7b1e-7abc-8def-0123456789ag", "0192f0c47-b1e-7abc-8def-0123456789ab"})
        CHECK_FALSE(Uuid::parse(text));
}

TEST_CASE("uuid: ids sort in the order of their bytes and hash apart") {
    const auto a = *JobId::parse("0192f0c4-7b1e-7abc-8def-000000000001");
    const auto b = *JobId::parse("0192f0c4-7b1e-7abc-8def-000000000002");
    CHECK(a < b);
    CHECK(std::unordered_set<JobId>{a, b, a}.size() == 2);
}

#include <catch2/catch_test_macros.hpp>

#include "core/timestamp.hpp"

using namespace oiab::core;

TEST_CASE("timestamp: what is printed reads back as the same instant") {
    for (const auto* text : {"2026-01-31T12:00:00Z", "2028-02-29T23:59:59.000001Z", "1969-12-31T23:59:59.5Z"}) {
        const auto time = parse_timestamp(text);
        REQUIRE(time.has_value());
        CHECK(parse_timestamp(format_timestamp(*time)) == time);
    }
    CHECK(format_timestamp(*parse_timestamp("2026-01-31 12:00+02:00")) == "2026-01-31T10:00:00Z");
    CHECK(format_timestamp(*parse_timestamp("2026-01-31T12:00:00.25Z")) == "2026-01-31T12:00:00.250000Z");
    CHECK(parse_timestamp("2026-02-30T12:00:00Z") == std::nullopt);
    CHECK(parse_timestamp("now") == std::nullopt);
}

#include "agent/budget.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace oiab::agent;
using Catch::Approx;

TEST_CASE("budget: cost adds up each kind of token at its own price") {
    const Price price{2.0, 8.0, 0.5, 2.5};
    CHECK(cost_usd({1'000'000, 500'000, 2'000'000, 400'000}, price) == Approx(2.0 + 4.0 + 1.0 + 1.0));
    CHECK(cost_usd({1'000'000, 1'000'000, 0, 0}, Price{}) == 0.0);
}

TEST_CASE("budget: without limits everything is allowed") {
    Budget budget;
    budget.spend(1e9);
    CHECK_FALSE(budget.refusal(1e9).has_value());
}

TEST_CASE("budget: a call that would pass the monthly limit is refused, one that just fits is not") {
    Budget budget{.monthly_limit_usd = 10, .spent_this_month_usd = 9};
    CHECK_FALSE(budget.refusal(1.0).has_value());
    REQUIRE(budget.refusal(1.01).has_value());
    CHECK(budget.refusal(1.01)->find("monthly limit of 10.0000 USD") != std::string::npos);
}

TEST_CASE("budget: a limit that is used up refuses a call of unknown price") {
    Budget budget{.per_request_limit_usd = 0.5};
    CHECK_FALSE(budget.refusal(0).has_value());
    budget.spend(0.5);
    REQUIRE(budget.refusal(0).has_value());
    CHECK(budget.refusal(0)->find("0.5000 USD a request") != std::string::npos);
}

TEST_CASE("budget: a limit of zero forbids every call") {
    CHECK(Budget{.monthly_limit_usd = 0}.refusal(0).has_value());
}

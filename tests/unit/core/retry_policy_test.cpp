#include "core/retry_policy.hpp"

#include <catch2/catch_test_macros.hpp>
#include <limits>

using namespace std::chrono_literals;
using oiab::core::RetryPolicy;

namespace {

struct FixedRandom final : oiab::core::Random {
    explicit FixedRandom(double v) : value{v} {}
    double uniform() override { return value; }
    double value;
};

}  // namespace

TEST_CASE("retry policy: the backoff doubles from the base, and half of it is random") {
    const RetryPolicy policy{.base = 5s, .cap = 1h};
    FixedRandom least{0.0};
    FixedRandom nearly_most{0.999999};
    CHECK(policy.backoff(1, least) == 2500ms);
    CHECK(policy.backoff(2, least) == 5s);
    CHECK(policy.backoff(3, least) == 10s);
    CHECK(policy.backoff(1, nearly_most) > 4990ms);
    CHECK(policy.backoff(1, nearly_most) <= 5s);
}

TEST_CASE("retry policy: the cap holds for any number of attempts") {
    const RetryPolicy policy{.base = 5s, .cap = 1h};
    FixedRandom least{0.0};
    CHECK(policy.backoff(30, least) == 30min);
    CHECK(policy.backoff(std::numeric_limits<int>::max(), least) == 30min);
}

TEST_CASE("retry policy: a base above the cap is the cap") {
    FixedRandom least{0.0};
    CHECK(RetryPolicy{.base = 10s, .cap = 1s}.backoff(1, least) == 500ms);
    CHECK(RetryPolicy{.base = 0ms, .cap = 1s}.backoff(9, least) == 0ms);
}

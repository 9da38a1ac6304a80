#include "agent/budget.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace oiab::agent;
using Catch::Approx;

namespace {

/// A cent for a thousand tokens of prompt and ten cents for a thousand of output.
const Price kPrice{10.0, 100.0, 0.0, 0.0};

Budget monthly(double limit, double spent, double open) { return {{{Limit::Of::kUserMonth, limit, spent, open}}}; }

}  // namespace

TEST_CASE("budget: cost adds up each kind of token at its own price") {
    const Price price{2.0, 8.0, 0.5, 2.5};
    CHECK(cost_usd({1'000'000, 500'000, 2'000'000, 400'000}, price) == Approx(2.0 + 4.0 + 1.0 + 1.0));
    CHECK(cost_usd({1'000'000, 1'000'000, 0, 0}, Price{}) == 0.0);
}

TEST_CASE("budget: a call is set aside at twice its prompt, the dearer of input and cache, and its longest answer") {
    const auto cost = CallCost::of(1'000, {10.0, 100.0, 1.0, 12.5, 4'000});
    CHECK(cost.prompt_usd == Approx(2 * 0.0125));
    CHECK(cost.max_output_tokens == 4'000);
    CHECK(cost.with_output(1'000'000) == Approx(0.025 + 0.4));
    CHECK(CallCost::of(1, kPrice).max_output_tokens == kMostOutput);
}

TEST_CASE("budget: without limits everything is granted, and no answer is bounded") {
    const auto admission = Budget{}.admit(CallCost::of(1'000'000'000, kPrice));
    CHECK(admission.answer == Admit::kGranted);
    CHECK_FALSE(admission.max_output_tokens.has_value());
    CHECK_FALSE(Budget{}.refusal().has_value());
}

TEST_CASE("budget: what is spent and what others hold decide between granting, shortening, waiting and refusing") {
    // The call: 0.02 for the prompt; at least 256 tokens of output (0.0256), decently 2048 (0.2048), at most 16384
    // (1.6384).
    struct Row {
        const char* what;
        double limit, spent, open;
        Admit answer;
        std::int64_t output;
    };
    constexpr Row kRows[] = {
        {"enough for the longest answer", 10, 0, 0, Admit::kGranted, 16'384},
        {"just enough for the longest answer", 10, 10 - 1.6584, 0, Admit::kGranted, 16'384},
        {"others leave enough for the longest answer", 10, 0, 8, Admit::kGranted, 16'384},
        {"shortened to what is left", 10, 9, 0, Admit::kGranted, 9'800},
        {"others leave enough for a decent answer", 10, 8, 1, Admit::kGranted, 9'800},
        {"a decent answer exactly", 10, 10 - 0.2248, 0, Admit::kGranted, 2'048},
        {"others leave just a decent answer", 10, 9, 1 - 0.2248, Admit::kGranted, 2'048},
        {"others leave less than a decent answer", 10, 9, 1 - 0.2240, Admit::kWait, 0},
        {"nobody else: a poor answer is better than none", 10, 10 - 0.2240, 0, Admit::kGranted, 2'040},
        {"the least answer exactly", 10, 10 - 0.0456, 0, Admit::kGranted, 256},
        {"less than the least answer", 10, 10 - 0.0455, 0, Admit::kRefused, 0},
        {"others hold everything", 10, 9, 1, Admit::kWait, 0},
        {"others hold more than there is", 10, 9, 5, Admit::kWait, 0},
        {"spent too much, whatever others hold", 10, 9.99, 5, Admit::kRefused, 0},
        {"all spent", 10, 10, 0, Admit::kRefused, 0},
        {"more than all spent", 10, 11, 0, Admit::kRefused, 0},
        {"a limit of zero", 0, 0, 0, Admit::kRefused, 0},
    };
    const auto call = CallCost::of(1'000, kPrice);
    for (const auto& row : kRows) {
        INFO(row.what);
        const auto admission = monthly(row.limit, row.spent, row.open).admit(call);
        CHECK(admission.answer == row.answer);
        CHECK(admission.max_output_tokens.value_or(0) == row.output);
        CHECK(admission.shortened == (row.answer == Admit::kGranted && row.output < 16'384));
        if (row.answer == Admit::kGranted) {
            CHECK(admission.reserved_usd == Approx(call.with_output(row.output)));
            CHECK(row.spent + row.open + admission.reserved_usd <= row.limit + 1e-8);
        }
    }
}

TEST_CASE("budget: of several limits each is kept, and the one that refuses says what is spent") {
    Budget budget = monthly(10, 1, 0);
    budget.limits.push_back({Limit::Of::kRequest, 0.5, 0.1, 0});
    budget.limits.push_back({Limit::Of::kTenantMonth, 100, 99.9, 0});
    const auto call = CallCost::of(1'000, kPrice);
    const auto granted = budget.admit(call);
    CHECK(granted.max_output_tokens == 800);  // by the tenant's limit, the narrowest
    budget.limits[2].open_usd = 0.05;
    CHECK(budget.admit(call).answer == Admit::kWait);
    budget.limits[1].spent_usd = 0.5;
    const auto refused = budget.admit(call);
    CHECK(refused.answer == Admit::kRefused);
    CHECK(refused.why == "the limit a request of 0.5000 USD allows no further model call: 0.5000 USD are spent");
    CHECK(budget.refusal() == refused.why);
    budget.limits[1].spent_usd = 0.49;
    CHECK(budget.admit(call).why ==
          "the limit a request of 0.5000 USD allows no further model call: 0.4900 USD are spent, and the call needs "
          "0.0456 USD at least");
    CHECK_FALSE(budget.refusal().has_value());
}

TEST_CASE("budget: a call of unknown price is granted until a limit is used up, and never bounded") {
    const auto free = CallCost::of(1'000, Price{});
    const auto admission = monthly(10, 9.99, 20).admit(free);
    CHECK(admission.answer == Admit::kWait);
    CHECK(monthly(10, 9.99, 0).admit(free).answer == Admit::kGranted);
    CHECK_FALSE(monthly(10, 9.99, 0).admit(free).max_output_tokens.has_value());
    CHECK(monthly(10, 10, 0).admit(free).answer == Admit::kRefused);
}

TEST_CASE("budget: an embedding is set aside without an answer") {
    auto call = CallCost::of(1'000, kPrice);
    call.max_output_tokens = 0;
    const auto admission = monthly(1, 0.98, 0).admit(call);
    CHECK(admission.answer == Admit::kGranted);
    CHECK(admission.reserved_usd == Approx(0.02));
    CHECK_FALSE(admission.max_output_tokens.has_value());
    CHECK(monthly(1, 0.981, 0).admit(call).answer == Admit::kRefused);
}

TEST_CASE(
    "budget: whatever is granted one after another never passes the limit, and money left is not refused for ever") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (int round = 0; round < 500; ++round) {
        const double limit = std::uniform_real_distribution{0.0, 5.0}(random);
        auto budget = monthly(limit, 0, 0);
        auto& line = budget.limits.front();
        std::vector<double> open;
        for (int i = 0; i < 60; ++i) {
            const auto call = CallCost::of(std::uniform_int_distribution{1, 20'000}(random), kPrice);
            const auto admission = budget.admit(call);
            if (admission.answer == Admit::kGranted) {
                open.push_back(admission.reserved_usd);
                line.open_usd += admission.reserved_usd;
            } else if (open.empty()) {
                // Only what is spent may stand in the way of somebody who is alone.
                REQUIRE(admission.answer == Admit::kRefused);
                REQUIRE(line.spent_usd + call.with_output(kLeastOutput) > limit);
            }
            if (!open.empty() && std::bernoulli_distribution{0.5}(random)) {
                line.open_usd = std::max(line.open_usd - open.back(), 0.0);
                line.spent_usd += open.back() * std::uniform_real_distribution{0.0, 1.0}(random);
                open.pop_back();
                if (open.empty()) line.open_usd = 0;
            }
            REQUIRE(line.spent_usd + line.open_usd <= limit + 1e-7);
        }
    }
}

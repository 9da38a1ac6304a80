#include "agent/budget.hpp"

#include <fmt/format.h>

namespace oiab::agent {
namespace {

bool passes(double limit, double spent, double at_least) {
    // What has been spent may reach the limit exactly; from then on nothing more may be, whatever it is said to cost.
    return spent >= limit || spent + at_least > limit;
}

}  // namespace

double cost_usd(const TokenCount& tokens, const Price& price) noexcept {
    return (static_cast<double>(tokens.input) * price.input_usd_per_million +
            static_cast<double>(tokens.output) * price.output_usd_per_million +
            static_cast<double>(tokens.cache_read) * price.cache_read_usd_per_million +
            static_cast<double>(tokens.cache_write) * price.cache_write_usd_per_million) /
           1e6;
}

void Budget::spend(double usd) noexcept {
    spent_this_month_usd += usd;
    spent_this_request_usd += usd;
    tenant_spent_usd += usd;
}

std::optional<std::string> Budget::refusal(double at_least_usd) const {
    if (monthly_limit_usd && passes(*monthly_limit_usd, spent_this_month_usd, at_least_usd)) {
        return fmt::format("the user's monthly limit of {:.4f} USD allows no further model call: {:.4f} USD are spent",
                           *monthly_limit_usd, spent_this_month_usd);
    }
    if (per_request_limit_usd && passes(*per_request_limit_usd, spent_this_request_usd, at_least_usd)) {
        return fmt::format("the limit of {:.4f} USD a request allows no further model call: {:.4f} USD are spent",
                           *per_request_limit_usd, spent_this_request_usd);
    }
    if (tenant_limit_usd && passes(*tenant_limit_usd, tenant_spent_usd, at_least_usd)) {
        return fmt::format(
            "the tenant's monthly limit of {:.4f} USD allows no further model call: {:.4f} USD are spent",
            *tenant_limit_usd, tenant_spent_usd);
    }
    return std::nullopt;
}

}  // namespace oiab::agent

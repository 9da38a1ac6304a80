#include "agent/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace oiab::agent {
namespace {

/// Below what the columns can hold (eight decimals), above what sums of doubles are off.
constexpr double kNothing = 1e-9;
/// A prompt is set aside at twice its estimate: digits, code and scripts of many characters take up to two bytes a
/// token. What is not used is free again as soon as the call is settled.
constexpr double kPromptMargin = 2.0;

std::string_view name_of(Limit::Of of) {
    switch (of) {
        case Limit::Of::kUserMonth: return "the user's monthly limit of";
        case Limit::Of::kRequest: return "the limit a request of";
        case Limit::Of::kTenantMonth: return "the tenant's monthly limit of";
    }
    return "a limit of";
}

std::string refusal_by(const Limit& limit, double needed) {
    auto text = fmt::format("{} {:.4f} USD allows no further model call: {:.4f} USD are spent", name_of(limit.of),
                            limit.limit_usd, limit.spent_usd);
    if (limit.spent_usd < limit.limit_usd - kNothing) {
        text += fmt::format(", and the call needs {:.4f} USD at least", needed);
    }
    return text;
}

}  // namespace

double cost_usd(const TokenCount& tokens, const Price& price) noexcept {
    return (static_cast<double>(tokens.input) * price.input_usd_per_million +
            static_cast<double>(tokens.output) * price.output_usd_per_million +
            static_cast<double>(tokens.cache_read) * price.cache_read_usd_per_million +
            static_cast<double>(tokens.cache_write) * price.cache_write_usd_per_million) /
           1e6;
}

CallCost CallCost::of(std::int64_t prompt_tokens, const Price& price) {
    CallCost cost;
    // What of the prompt the provider writes to its cache may cost more than the rest.
    const double input = std::max(price.input_usd_per_million, price.cache_write_usd_per_million);
    cost.prompt_usd = static_cast<double>(prompt_tokens) * kPromptMargin * input / 1e6;
    cost.output_usd_per_token = price.output_usd_per_million / 1e6;
    cost.max_output_tokens = std::max<std::int64_t>(price.max_output_tokens.value_or(kMostOutput), 1);
    return cost;
}

double CallCost::with_output(std::int64_t tokens) const noexcept {
    return prompt_usd + static_cast<double>(std::min(tokens, max_output_tokens)) * output_usd_per_token;
}

Admission Budget::admit(const CallCost& call) const {
    Admission admission;
    const double least = call.with_output(kLeastOutput);
    const double decent = call.with_output(kDecentOutput);
    double free = std::numeric_limits<double>::infinity();
    bool others_may_leave_more = false;
    for (const auto& limit : limits) {
        const double left = limit.limit_usd - limit.spent_usd;
        // What has been spent may reach the limit exactly; from then on nothing more may be, whatever it is said to
        // cost.
        if (left < kNothing || least > left + kNothing) {
            admission.answer = Admit::kRefused;
            admission.why = refusal_by(limit, least);
            return admission;
        }
        const double now = left - limit.open_usd;
        free = std::min(free, now);
        if (decent > now + kNothing && limit.open_usd > kNothing) others_may_leave_more = true;
    }
    if (others_may_leave_more) {
        admission.answer = Admit::kWait;
        return admission;
    }
    admission.reserved_usd = call.with_output(call.max_output_tokens);
    if (limits.empty() || call.output_usd_per_token <= 0 || call.max_output_tokens <= 0) return admission;
    admission.max_output_tokens = call.max_output_tokens;
    if (admission.reserved_usd <= free + kNothing) return admission;
    const double affordable = std::floor((free + kNothing - call.prompt_usd) / call.output_usd_per_token);
    admission.max_output_tokens = static_cast<std::int64_t>(affordable);
    admission.reserved_usd = call.with_output(*admission.max_output_tokens);
    admission.shortened = true;
    return admission;
}

std::optional<std::string> Budget::refusal() const {
    for (const auto& limit : limits) {
        if (limit.limit_usd - limit.spent_usd < kNothing) return refusal_by(limit, 0);
    }
    return std::nullopt;
}

}  // namespace oiab::agent

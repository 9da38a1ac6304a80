#pragma once
/// @file  Money: what a call costs, and whether a user's limits allow another one. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>

namespace oiab::agent {

/// US dollars for a million tokens; zero where the price is not known.
struct Price {
    double input_usd_per_million = 0;
    double output_usd_per_million = 0;
    double cache_read_usd_per_million = 0;
    double cache_write_usd_per_million = 0;
};

struct TokenCount {
    std::int64_t input = 0;  ///< cached ones not included
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;
};

[[nodiscard]] double cost_usd(const TokenCount& tokens, const Price& price) noexcept;

/// The limits of one user and what has been spent, checked before each model call.
struct Budget {
    std::optional<double> monthly_limit_usd{};
    std::optional<double> per_request_limit_usd{};
    std::optional<double> tenant_limit_usd{};  ///< of all users of the tenant together, in a month
    double spent_this_month_usd = 0;           ///< this job's calls included
    double spent_this_request_usd = 0;         ///< by this job
    double tenant_spent_usd = 0;

    /// Adds a call that was made.
    void spend(double usd) noexcept;
    /// Why a call that will cost at least `at_least_usd` must not be made; nullopt where it may. A limit of zero
    /// forbids every call, also one whose price is not known.
    [[nodiscard]] std::optional<std::string> refusal(double at_least_usd) const;
};

}  // namespace oiab::agent

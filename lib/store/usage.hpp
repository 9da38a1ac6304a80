#pragma once
/// @file  What model calls cost: recording, sums, prices. Lane threads only; every function blocks and throws what the
/// transaction does.

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct UsageEvent {
    std::string request_id;  ///< idempotency key of the call
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string session_id;
    std::optional<core::JobId> job_id;
    std::string purpose = "chat";  ///< chat, plan, subtask, synthesize, embedding, reflection
    std::string provider;
    std::string model;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::int64_t cache_write_tokens = 0;
    std::int64_t reasoning_tokens = 0;
    double cost_usd = 0;
    bool uncertain = false;  ///< an estimate for a call whose answer was lost
    std::optional<std::chrono::milliseconds> duration;
};

/// Records each call once, however often an attempt repeats. A certain figure replaces an estimate of the same call.
/// @returns how many were recorded.
std::size_t record_usage(pg::Transaction& tx, std::span<const UsageEvent> events);

/// Of calls that were given to record_usage in this transaction: those that were not recorded since another tenant has
/// one of the same id. @returns their request ids
[[nodiscard]] std::set<std::string> find_foreign_requests(pg::Transaction& tx, std::span<const UsageEvent> events);

/// Of these calls, those that are on record for another job. @returns their request ids
[[nodiscard]] std::set<std::string> find_requests_of_other_jobs(pg::Transaction& tx, std::span<const UsageEvent> events,
                                                                core::JobId job);

/// What all users of the tenant may cost together in a month; nullopt = no limit.
[[nodiscard]] std::optional<double> find_tenant_month_limit(pg::Transaction& tx, core::TenantId tenant);

/// US dollars for a million tokens.
struct ModelPrice {
    double input_usd_per_million = 0;
    double output_usd_per_million = 0;
    double cache_read_usd_per_million = 0;
    double cache_write_usd_per_million = 0;
    std::optional<std::int64_t> max_output_tokens{};  ///< of one answer, where the row says
};

struct CallTerms {
    std::optional<ModelPrice> price;           ///< nullopt where it is not known
    std::optional<double> tenant_month_limit;  ///< nullopt = no limit
};

/// What holds now for a call: the price (the provider's own entry before its kind's before one for any provider, '*')
/// and the tenant's limit.
/// @param kind  protocol of a provider row, such as anthropic; empty: only name and '*' are looked for
[[nodiscard]] CallTerms find_terms(pg::Transaction& tx, const std::string& provider, const std::string& kind,
                                   const std::string& model, const std::optional<core::TenantId>& tenant);
[[nodiscard]] inline std::optional<ModelPrice> find_price(pg::Transaction& tx, const std::string& provider,
                                                          const std::string& model) {
    return find_terms(tx, provider, {}, model, std::nullopt).price;
}

}  // namespace oiab::store

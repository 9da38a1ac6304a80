#pragma once
/// @file  Model calls that are under way and what is set aside for them, so that calls which run at once cannot pass a
/// limit together. Lane threads only; every function blocks and throws what the transaction does.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/job.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct Reservation {
    std::string request_id;  ///< what the call will be charged under
    core::AttemptKey attempt;
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string session_id;
    std::string purpose;
    std::string provider;
    std::string model;
    std::int64_t input_tokens = 0;
    double estimate_usd = 0;  ///< what it is charged with should its answer be lost
    double reserved_usd = 0;  ///< the most that it can cost
};

/// Waits until no other transaction decides about these budgets, and keeps others waiting until this one ends.
void lock_budgets(pg::Transaction& tx, const std::optional<core::UserId>& user,
                  const std::optional<core::TenantId>& tenant);

/// Charges what calls of attempts that are over are estimated at, by job, user or tenant. @returns how many there were.
std::size_t charge_lost_reservations(pg::Transaction& tx, const std::optional<core::JobId>& job,
                                     const std::optional<core::UserId>& user,
                                     const std::optional<core::TenantId>& tenant);
/// The same for whomever, at most `batch` of them.
std::size_t purge_lost_reservations(pg::Transaction& tx, int batch);

/// US dollars; zero for what was not asked for.
struct Spending {
    double user_spent = 0;  ///< in the running calendar month (UTC)
    double user_open = 0;   ///< reserved by other calls
    double tenant_spent = 0;
    double tenant_open = 0;
    double job_spent = 0;  ///< over all attempts
};
/// @param request_id  the call that asks; its own reservation is left out
[[nodiscard]] Spending load_spending(pg::Transaction& tx, const std::optional<core::UserId>& user,
                                     const std::optional<core::TenantId>& tenant, const std::optional<core::JobId>& job,
                                     const std::string& request_id);

void reserve_usage(pg::Transaction& tx, const Reservation& reservation);

/// @returns whether there was one of that attempt.
bool release_reservation(pg::Transaction& tx, const std::string& request_id, core::LeaseEpoch epoch);

/// Whether the call was charged with a figure that is certain.
[[nodiscard]] bool is_charged(pg::Transaction& tx, const std::string& request_id);

}  // namespace oiab::store

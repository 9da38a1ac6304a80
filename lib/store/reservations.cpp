#include "store/reservations.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

using rows::text_of;

void lock_budgets(pg::Transaction& tx, const std::optional<core::UserId>& user,
                  const std::optional<core::TenantId>& tenant) {
    static_cast<void>(tx.run(sql::lock_budgets, pqxx::params{text_of(user), text_of(tenant)}));
}

std::size_t charge_lost_reservations(pg::Transaction& tx, const std::optional<core::JobId>& job,
                                     const std::optional<core::UserId>& user,
                                     const std::optional<core::TenantId>& tenant) {
    const auto charged =
        tx.run(sql::charge_lost_reservations, pqxx::params{text_of(job), text_of(user), text_of(tenant)});
    return static_cast<std::size_t>(charged.size());
}

std::size_t purge_lost_reservations(pg::Transaction& tx, int batch) {
    return static_cast<std::size_t>(tx.run(sql::purge_lost_reservations, pqxx::params{batch}).size());
}

Spending load_spending(pg::Transaction& tx, const std::optional<core::UserId>& user,
                       const std::optional<core::TenantId>& tenant, const std::optional<core::JobId>& job,
                       const std::string& request_id) {
    const auto found =
        tx.run(sql::load_spending, pqxx::params{text_of(user), text_of(tenant), text_of(job), request_id});
    const auto row = found[0];
    return {row[0].as<double>(), row[1].as<double>(), row[2].as<double>(), row[3].as<double>(), row[4].as<double>()};
}

void reserve_usage(pg::Transaction& tx, const Reservation& reservation) {
    pqxx::params parameters;
    parameters.append(reservation.request_id);
    parameters.append(reservation.attempt.id.to_string());
    parameters.append(reservation.attempt.epoch.value);
    parameters.append(text_of(reservation.tenant_id));
    parameters.append(text_of(reservation.user_id));
    parameters.append(rows::null_if_empty(reservation.session_id));
    parameters.append(reservation.purpose);
    parameters.append(rows::null_if_empty(reservation.provider));
    parameters.append(rows::null_if_empty(reservation.model));
    parameters.append(reservation.input_tokens);
    parameters.append(reservation.estimate_usd);
    parameters.append(reservation.reserved_usd);
    static_cast<void>(tx.run(sql::reserve_usage, parameters));
}

bool release_reservation(pg::Transaction& tx, const std::string& request_id, core::LeaseEpoch epoch) {
    return tx.run(sql::release_reservation, pqxx::params{request_id, epoch.value}).affected_rows() > 0;
}

bool is_charged(pg::Transaction& tx, const std::string& request_id) {
    return tx.run(sql::is_charged, pqxx::params{request_id})[0][0].as<bool>();
}

}  // namespace oiab::store

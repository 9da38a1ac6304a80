#include "store/usage.hpp"

#include "store/json_rows.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

std::size_t record_usage(pg::Transaction& tx, std::span<const UsageEvent> events) {
    if (events.empty()) return 0;
    auto list = nlohmann::json::array();
    for (const auto& event : events) list.push_back(rows::json_row(event));
    return static_cast<std::size_t>(tx.run(sql::record_usage, pqxx::params{rows::dump(list)}).size());
}

std::set<std::string> find_foreign_requests(pg::Transaction& tx, std::span<const UsageEvent> events) {
    std::set<std::string> ids;
    if (events.empty()) return ids;
    auto list = nlohmann::json::array();
    for (const auto& event : events)
        list.push_back({{"request_id", event.request_id}, {"tenant_id", rows::json_of(event.tenant_id)}});
    for (const auto& row : tx.run(sql::find_foreign_requests, pqxx::params{rows::dump(list)}))
        ids.insert(rows::read_text(row[0]));
    return ids;
}

std::set<std::string> find_requests_of_other_jobs(pg::Transaction& tx, std::span<const UsageEvent> events,
                                                  core::JobId job) {
    std::set<std::string> ids;
    if (events.empty()) return ids;
    auto list = nlohmann::json::array();
    for (const auto& event : events) list.push_back(event.request_id);
    for (const auto& row : tx.run(sql::find_requests_of_other_jobs, pqxx::params{rows::dump(list), job.to_string()}))
        ids.insert(rows::read_text(row[0]));
    return ids;
}

std::optional<double> find_tenant_month_limit(pg::Transaction& tx, core::TenantId tenant) {
    const auto found = tx.run(sql::find_tenant_month_limit, pqxx::params{tenant.to_string()});
    if (found.empty()) return std::nullopt;
    return found[0][0].as<double>();
}

CallTerms find_terms(pg::Transaction& tx, const std::string& provider, const std::string& kind,
                     const std::string& model, const std::optional<core::TenantId>& tenant) {
    const auto answer =
        tx.look_once(sql::find_terms, pqxx::params{provider, model, rows::null_if_empty(kind), rows::text_of(tenant)},
                     nlohmann::json{provider, model, kind, rows::text_of(tenant).value_or("")}.dump());
    const auto row = answer[0];
    CallTerms terms;
    if (!row[0].is_null()) {
        terms.price = ModelPrice{row[0].as<double>(), row[1].as<double>(), row[2].as<double>(), row[3].as<double>(),
                                 row[4].as<std::optional<std::int64_t>>()};
    }
    terms.tenant_month_limit = row[5].as<std::optional<double>>();
    return terms;
}

}  // namespace oiab::store

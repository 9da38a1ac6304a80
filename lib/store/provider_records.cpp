#include "store/provider_records.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

std::optional<std::string> text_of_row(const std::optional<core::Uuid>& row) {
    if (!row) return std::nullopt;
    return row->to_string();
}

core::Uuid read_row(const pqxx::field& field) {
    const auto id = core::Uuid::parse(field.view());
    if (!id) throw std::logic_error{"the server sent an id that is no UUID"};
    return *id;
}

void keep_preference_single(pg::Transaction& tx, const core::Uuid& row, bool preferred) {
    if (preferred) (void)tx.run(sql::prefer_provider, pqxx::params{row.to_string()});
}

}  // namespace

std::vector<ProviderRecord> list_providers(pg::Transaction& tx, const ProviderFilter& filter) {
    const pqxx::params parameters{rows::text_of(filter.scope.tenant_id), rows::text_of(filter.scope.user_id),
                                  text_of_row(filter.row), filter.only_enabled};
    std::vector<ProviderRecord> records;
    for (const auto& row : tx.run(sql::list_providers, parameters)) {
        auto& record = records.emplace_back();
        record.row = read_provider(row);
        record.scope = {rows::read_optional_id<core::TenantId>(row["tenant_id"]),
                        rows::read_optional_id<core::UserId>(row["user_id"])};
        record.display_name = rows::read_text(row["display_name"]);
        record.enabled = row["enabled"].as<bool>();
        record.models = rows::read_text(row["models"]);
        if (!row["latency_ms"].is_null()) record.latency = std::chrono::milliseconds{row["latency_ms"].as<int>()};
        record.checked_at = rows::read_text(row["checked_at"]);
        record.last_error = rows::read_text(row["last_error"]);
    }
    return records;
}

std::optional<core::Uuid> find_provider(pg::Transaction& tx, const std::string& provider, const ProviderScope& scope) {
    const auto found = tx.run(sql::find_provider,
                              pqxx::params{provider, rows::text_of(scope.tenant_id), rows::text_of(scope.user_id)});
    if (found.empty()) return std::nullopt;
    return read_row(found[0][0]);
}

std::optional<core::Uuid> insert_provider(pg::Transaction& tx, const NewProvider& provider) {
    pqxx::params parameters;
    parameters.append(rows::text_of(provider.scope.tenant_id));
    parameters.append(rows::text_of(provider.scope.user_id));
    parameters.append(provider.provider);
    parameters.append(provider.kind);
    for (const auto* text : {&provider.display_name, &provider.base_url, &provider.api_version, &provider.credentials,
                             &provider.default_model})
        parameters.append(rows::null_if_empty(*text));
    parameters.append(provider.preferred);
    parameters.append(provider.settings);
    const auto made = tx.run(sql::insert_provider, parameters);
    if (made.empty()) return std::nullopt;
    const auto row = read_row(made[0][0]);
    keep_preference_single(tx, row, provider.preferred);
    return row;
}

bool update_provider(pg::Transaction& tx, const core::Uuid& row, const NewProvider& provider) {
    pqxx::params parameters;
    parameters.append(row.to_string());
    parameters.append(provider.kind);
    for (const auto* text : {&provider.display_name, &provider.base_url, &provider.api_version, &provider.credentials,
                             &provider.default_model})
        parameters.append(rows::null_if_empty(*text));
    parameters.append(provider.preferred);
    parameters.append(provider.settings);
    if (tx.run(sql::update_provider, parameters).empty()) return false;
    keep_preference_single(tx, row, provider.preferred);
    return true;
}

bool remove_provider(pg::Transaction& tx, const core::Uuid& row) {
    return !tx.run(sql::remove_provider, pqxx::params{row.to_string()}).empty();
}

CheckRecorded record_provider_check(pg::Transaction& tx, const ProviderCheck& check) {
    std::optional<int> latency;
    if (check.latency) latency = static_cast<int>(check.latency->count());
    const auto found = tx.run(sql::record_provider_check,
                              pqxx::params{check.row.to_string(), rows::null_if_empty(check.credentials), check.models,
                                           latency, rows::null_if_empty(rows::without_nul(check.error))});
    if (found.empty()) return CheckRecorded::kOutdated;
    return found[0][0].as<bool>() ? CheckRecorded::kSame : CheckRecorded::kNews;
}

}  // namespace oiab::store

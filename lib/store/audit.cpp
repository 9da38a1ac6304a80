#include "store/audit.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

std::size_t append_audit(pg::Transaction& tx, std::span<const AuditEntry> entries) {
    using nlohmann::json;
    if (entries.empty()) return 0;
    auto list = json::array();
    for (const auto& entry : entries) {
        list.push_back({{"entry_key", entry.entry_key ? json(*entry.entry_key) : json(nullptr)},
                        {"tenant_id", rows::json_of(entry.tenant_id)},
                        {"user_id", rows::json_of(entry.user_id)},
                        {"actor", entry.actor},
                        {"action", entry.action},
                        {"target", rows::json_or_null(entry.target)},
                        {"session_id", rows::json_or_null(entry.session_id)},
                        {"channel", rows::json_or_null(entry.channel)},
                        {"duration_ms", entry.duration ? json(entry.duration->count()) : json(nullptr)},
                        {"payload", entry.payload.empty() ? json(nullptr) : json::parse(entry.payload)}});
    }
    return static_cast<std::size_t>(tx.run(sql::append_audit, pqxx::params{rows::dump(list)}).size());
}

std::size_t purge_audit(pg::Transaction& tx, int batch) {
    return tx.run(sql::purge_audit, pqxx::params{batch})[0][0].as<std::size_t>();
}

}  // namespace oiab::store

#include "store/audit.hpp"

#include "store/json_rows.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

std::size_t append_audit(pg::Transaction& tx, std::span<const AuditEntry> entries) {
    if (entries.empty()) return 0;
    auto list = nlohmann::json::array();
    for (const auto& entry : entries) list.push_back(rows::json_row(entry));
    return static_cast<std::size_t>(tx.run(sql::append_audit, pqxx::params{rows::dump(list)}).size());
}

std::size_t purge_audit(pg::Transaction& tx, int batch) {
    return tx.run(sql::purge_audit, pqxx::params{batch})[0][0].as<std::size_t>();
}

}  // namespace oiab::store

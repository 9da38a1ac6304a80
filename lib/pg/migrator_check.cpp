#include <fmt/format.h>

#include <pqxx/params>
#include <pqxx/result>
#include <pqxx/transaction>
#include <set>

#include "pg/database_error.hpp"
#include "pg/migrator.hpp"
#include "pg/sql.hpp"

namespace oiab::pg {
namespace {

/// As sql/migrator_create_scratch.sql names it.
constexpr const char* kScratch = "oiab_migrate_check";

/// Leaves the transaction without committing it.
struct RollBack {};

}  // namespace

std::vector<std::string> Migrator::check() {
    std::vector<std::string> changes;
    try {
        if (is_current(load_state(session_))) return changes;
        require_sound_server();
        in_transaction(session_, [&](Transaction& tx) {
            prepare(tx, true);
            auto& raw = tx.raw();
            std::set<std::string> known;
            for (const auto& row : raw.exec(sql::migrator_extensions.text)) known.insert(row[0].as<std::string>());
            raw.exec(sql::migrator_create_scratch.text);
            raw.exec(sql::migrator_enter_scratch.text);
            run_files(tx, false);
            raw.exec(sql::migrator_leave_scratch.text);

            for (const auto& row : raw.exec(sql::migrator_extensions.text)) {
                if (!known.contains(row[0].as<std::string>()))
                    changes.push_back(fmt::format("create extension {}", row[0].view()));
            }
            for (const auto& row : raw.exec(sql::migrator_compare.text, pqxx::params{schema_, kScratch})) {
                auto change = row["difference"].as<std::string>();
                if (row["rewrites"].as<bool>()) {
                    const auto table = row["table_name"].as<std::string>();
                    const auto rows =
                        raw.exec(sql::migrator_row_count.text, pqxx::params{schema_, table})[0][0].as<std::int64_t>();
                    change += fmt::format(" (rewrites the table once: about {} rows)", rows);
                }
                changes.push_back(std::move(change));
            }
            throw RollBack{};
        });
    } catch (const RollBack&) {
        if (changes.empty()) changes.push_back("record this release's fingerprint; no table, function or rule differs");
    } catch (const DatabaseError& error) {
        session_.discard();
        throw_sentence(error);
    }
    return changes;
}

}  // namespace oiab::pg

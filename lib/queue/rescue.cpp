#include "queue/rescue.hpp"

#include <optional>
#include <pqxx/except>
#include <pqxx/params>
#include <pqxx/result>
#include <utility>

#include "pg/transaction.hpp"
#include "queue/arrays.hpp"
#include "queue/rows.hpp"
#include "queue/savepoint.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

constexpr const char* kLastUuid = "ffffffff-ffff-ffff-ffff-ffffffffffff";

struct Lapsed {
    std::vector<core::AttemptKey> plain;
    std::vector<core::AttemptKey> keyed;
};

std::optional<std::string> legacy_interval(const RescueSettings& settings) {
    if (settings.legacy_lock_timeout.count() <= 0) return std::nullopt;
    return interval_text(settings.legacy_lock_timeout);
}

void read_rescued(const pqxx::result& rows, std::vector<Rescued>& rescued) {
    for (const auto& row : rows) {
        Rescued one;
        one.id = job_id_of(row[0]);
        one.kind = text_of(row[1]);
        one.worker = text_of(row[2]);
        one.epoch = core::LeaseEpoch{row[3].as<std::int64_t>()};
        one.crash_count = row[4].as<int>();
        one.status = status_of(row[5]);
        one.reason = reason_of(row[6]);
        if (one.status == core::Status::kFailed) one.serial_key = text_of(row[7]);
        rescued.push_back(std::move(one));
    }
}

pqxx::result rescue_batch(pg::Transaction& tx, std::span<const core::AttemptKey> keys, const RescueSettings& settings,
                          bool alone, const std::optional<std::string>& superseded_by = {}) {
    auto arrays = key_arrays(keys);
    return tx.run(sql::rescue_batch,
                  pqxx::params{std::move(arrays.ids), std::move(arrays.epochs), legacy_interval(settings),
                               settings.max_crashes, alone, superseded_by});
}

/// A row with a dedupe key goes back in a savepoint of its own; a newer pending row of the same key supersedes it.
void rescue_keyed(pg::Transaction& tx, const core::AttemptKey& key, const RescueSettings& settings,
                  std::vector<Rescued>& rescued) {
    const auto attempt = [&](const std::optional<std::string>& superseded_by) {
        read_rescued(in_savepoint(tx,
                                  [&](pg::Transaction& inner) {
                                      return rescue_batch(inner, {&key, 1}, settings, true, superseded_by);
                                  }),
                     rescued);
    };
    try {
        attempt(std::nullopt);
    } catch (const pqxx::unique_violation&) {
        const auto newer = tx.run(sql::find_pending_by_key, pqxx::params{key.id.to_string()});
        if (!newer.empty()) attempt(text_of(newer[0][0]));
    } catch (const pqxx::sql_error& error) {
        // A producer that has not committed holds the key: the next walk comes by again.
        if (error.sqlstate() != "55P03" && error.sqlstate() != "40P01") throw;
    }
}

/// Where the walk goes on after a page. Nothing that is not due can be running, so future rows are passed over.
std::optional<RescueCursor> cursor_after(const pqxx::row& last, int page_size) {
    if (last[7].as<int>() < page_size) return std::nullopt;
    if (last[8].as<bool>())
        return RescueCursor{text_of(last[1]), last[2].as<int>(), "infinity", *core::JobId::parse(kLastUuid)};
    return RescueCursor{text_of(last[1]), last[2].as<int>(), text_of(last[3]), job_id_of(last[0])};
}

}  // namespace

RescuePage rescue(pg::Session& session, const RescueSettings& settings, const RescueCursor& from) {
    RescuePage page;
    Lapsed lapsed;
    pg::autocommit(session, [&](pg::Transaction& tx) {
        const auto rows =
            tx.run(sql::rescue_find, pqxx::params{from.kind, from.priority, from.run_at, from.id.to_string(),
                                                  settings.page_size, legacy_interval(settings)});
        for (const auto& row : rows) {
            if (!row[6].as<bool>()) {
                page.next = cursor_after(row, settings.page_size);
                continue;
            }
            const core::AttemptKey key{job_id_of(row[0]), core::LeaseEpoch{row[5].as<std::int64_t>()}};
            (row[4].as<bool>() ? lapsed.keyed : lapsed.plain).push_back(key);
        }
    });
    if (!lapsed.plain.empty()) {
        pg::autocommit(session, [&](pg::Transaction& tx) {
            read_rescued(rescue_batch(tx, lapsed.plain, settings, false), page.rescued);
        });
    }
    if (!lapsed.keyed.empty()) {
        std::vector<Rescued> rescued;
        pg::in_transaction(session, [&](pg::Transaction& tx) {
            rescued.clear();
            (void)tx.run(sql::set_short_lock_timeout);
            for (const auto& key : lapsed.keyed) rescue_keyed(tx, key, settings, rescued);
        });
        page.rescued.insert(page.rescued.end(), rescued.begin(), rescued.end());
    }
    return page;
}

std::chrono::milliseconds server_uptime(pg::Transaction& tx) {
    return std::chrono::milliseconds{tx.run(sql::server_uptime).at(0).at(0).as<std::int64_t>()};
}

}  // namespace oiab::queue

#include "queue/pauses.hpp"

#include <pqxx/params>
#include <pqxx/result>
#include <stdexcept>

#include "queue/lanes.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// Rows of a batch: a few milliseconds each, so that claims and producers never wait long.
constexpr int kBatch = 5'000;

std::string_view to_string(PauseScope scope) {
    switch (scope) {
        case PauseScope::kAll: return "all";
        case PauseScope::kKind: return "kind";
        case PauseScope::kTenant: return "tenant";
    }
    throw std::logic_error{"an unknown scope of a pause"};
}

PauseScope scope_of(std::string_view text) {
    if (text == "kind") return PauseScope::kKind;
    return text == "tenant" ? PauseScope::kTenant : PauseScope::kAll;
}

void take_out_tenant(pg::Session& session, const std::string& tenant) {
    std::string kind;
    int priority = -32'768;
    std::string run_at = "-infinity";
    std::string id = core::Uuid{}.to_string();
    for (bool more = true; more;) {
        more = pg::autocommit(session, [&](pg::Transaction& tx) {
            const auto rows = tx.run(sql::pause_tenant_page, pqxx::params{tenant, kind, priority, run_at, id, kBatch});
            if (rows.empty()) return false;
            kind = text_of(rows[0][1]);
            priority = rows[0][2].as<int>();
            run_at = text_of(rows[0][3]);
            id = text_of(rows[0][4]);
            return true;
        });
    }
}

int give_back_tenant(pg::Session& session, const std::string& tenant) {
    int given = 0;
    for (int batch = kBatch; batch == kBatch; given += batch) {
        batch = pg::autocommit(session, [&](pg::Transaction& tx) {
            return static_cast<int>(tx.run(sql::resume_tenant_batch, pqxx::params{tenant, kBatch}).size());
        });
    }
    return given;
}

/// Keyed rows of a resumed tenant come back by their lanes.
void advance_all_lanes(pg::Session& session) {
    std::string after;
    do {
        after = sweep_lanes(session, after).next;
    } while (!after.empty());
}

}  // namespace

std::vector<Pause> load_pauses(pg::Transaction& tx) {
    std::vector<Pause> pauses;
    for (const auto& row : tx.run(sql::load_pauses))
        pauses.push_back({scope_of(row[0].view()), text_of(row[1]), text_of(row[2]), text_of(row[3]), text_of(row[4])});
    return pauses;
}

bool pause(pg::Session& session, const Pause& what) {
    const bool is_new = pg::autocommit(session, [&](pg::Transaction& tx) {
        return !tx.run(sql::insert_pause,
                       pqxx::params{std::string{to_string(what.scope)}, what.name, what.reason, what.paused_by})
                    .empty();
    });
    if (what.scope == PauseScope::kTenant) take_out_tenant(session, what.name);
    return is_new;
}

bool resume(pg::Session& session, PauseScope scope, const std::string& name) {
    const bool was_paused = pg::autocommit(session, [&](pg::Transaction& tx) {
        return !tx.run(sql::delete_pause, pqxx::params{std::string{to_string(scope)}, name}).empty();
    });
    if (scope == PauseScope::kTenant) {
        give_back_tenant(session, name);
        advance_all_lanes(session);
    }
    return was_paused;
}

int restore_resumed(pg::Session& session) {
    std::vector<std::string> tenants;
    pg::autocommit(session, [&](pg::Transaction& tx) {
        for (const auto& row : tx.run(sql::find_resumed_tenants)) tenants.push_back(text_of(row[0]));
    });
    int given = 0;
    for (const auto& tenant : tenants) given += give_back_tenant(session, tenant);
    return given;
}

}  // namespace oiab::queue

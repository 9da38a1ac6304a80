#include "queue/lanes.hpp"

#include <algorithm>
#include <pqxx/params>
#include <pqxx/result>
#include <vector>

#include "pg/transaction.hpp"
#include "queue/arrays.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// Every lane that is looked at closely stays locked until its transaction ends, in a lock table of fixed size.
constexpr std::size_t kLanesATransaction = 200;

}  // namespace

int advance_lanes(pg::Session& session, std::span<const std::string> lanes) {
    int advanced = 0;
    while (!lanes.empty()) {
        const auto some = lanes.first(std::min(lanes.size(), kLanesATransaction));
        lanes = lanes.subspan(some.size());
        advanced += pg::autocommit(session, [&](pg::Transaction& tx) {
            return tx.run(sql::advance_lanes, pqxx::params{text_array(some)}).at(0).at(0).as<int>();
        });
    }
    return advanced;
}

LaneSweep sweep_lanes(pg::Session& session, const std::string& after, int max_lanes) {
    LaneSweep sweep;
    const auto idle = pg::autocommit(session, [&](pg::Transaction& tx) {
        std::vector<std::string> lanes;
        for (const auto& row : tx.run(sql::find_idle_lanes, pqxx::params{after, max_lanes})) {
            if (!row[0].is_null()) lanes.push_back(text_of(row[0]));
            sweep.next = text_of(row[1]);
        }
        return lanes;
    });
    sweep.advanced = advance_lanes(session, idle);
    return sweep;
}

bool any_lane_waits(pg::Session& session) {
    return pg::autocommit(session,
                          [](pg::Transaction& tx) { return tx.run(sql::any_lane_waits).at(0).at(0).as<bool>(); });
}

}  // namespace oiab::queue

#include "store/trajectories.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

bool insert_trajectory(pg::Transaction& tx, const NewTrajectory& trajectory) {
    return !tx.run(sql::insert_trajectory,
                   pqxx::params{trajectory.job_id.to_string(), rows::text_of(trajectory.tenant_id),
                                rows::text_of(trajectory.user_id), trajectory.session_id, trajectory.tools,
                                trajectory.tools_hash, trajectory.outcome})
                .empty();
}

}  // namespace oiab::store

#include "queue/steady_plans.hpp"

#include <pqxx/connection>
#include <pqxx/result>

#include "pg/transaction.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {

pg::Session& SteadyPlans::on(pg::Session& session) {
    if (session.settings().prepare == pg::Prepare::kOff) return session;
    const auto pid = session.connection().backendpid();
    if (pid == backend_pid_) return session;
    pg::autocommit(session, [](pg::Transaction& tx) { (void)tx.run(sql::set_steady_plans); });
    backend_pid_ = pid;
    return session;
}

}  // namespace oiab::queue

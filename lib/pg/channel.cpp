#include "pg/channel.hpp"

#include <pqxx/connection>
#include <pqxx/except>

#include "pg/database_error.hpp"
#include "pg/trouble.hpp"

namespace oiab::pg {

bool Channel::listen(Session& session) {
    auto& connection = session.connection();
    if (connection.backendpid() == backend_pid_) return false;
    try {
        const Session::Busy busy{session};
        connection.listen(name_, [this](const pqxx::notification&) { notified_ = true; });
    } catch (const pqxx::failure&) {
        session.discard();
        throw_translated(Moment::kInTransaction);
    }
    backend_pid_ = connection.backendpid();
    return true;
}

int Channel::descriptor(Session& session) const {
    if (!session.is_connected() || session.connection().backendpid() != backend_pid_) return -1;
    return session.connection().sock();
}

bool Channel::take(Session& session) {
    if (descriptor(session) >= 0) {
        try {
            session.connection().get_notifs();
        } catch (const pqxx::failure&) {
            session.discard();
            throw_translated(Moment::kInTransaction);
        }
    }
    return std::exchange(notified_, false);
}

}  // namespace oiab::pg

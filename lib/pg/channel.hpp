#pragma once
/// @file  LISTEN on one channel in a session that does other work, too: its owner is woken by the session's own socket,
/// without a thread in between. Used by the session's thread.

#include <string>
#include <utility>

#include "pg/session.hpp"

namespace oiab::pg {

class Channel {
public:
    explicit Channel(std::string name) : name_{std::move(name)} {}
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Listens, where the session's current connection does not yet. Blocks for one statement.
    /// @returns whether it does so only now: what was notified before may have been missed.
    /// @throws DatabaseError
    bool listen(Session& session);

    /// What to wait on. -1 where the session is not connected, or its connection does not listen.
    [[nodiscard]] int descriptor(Session& session) const;

    /// Whether something was notified since the last call, also along with the answers of other statements. Never
    /// blocks. @throws DatabaseError (kReconnect) where the connection is broken
    [[nodiscard]] bool take(Session& session);

private:
    const std::string name_;
    int backend_pid_ = 0;  // of the connection that listens
    bool notified_ = false;
};

}  // namespace oiab::pg

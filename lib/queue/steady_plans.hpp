#pragma once
/// @file  Plans that are made once and fit an empty jobs table as well as a full one. For the engine's services: one
/// for each session, used by its thread.

#include "pg/session.hpp"

namespace oiab::queue {

class SteadyPlans {
public:
    /// Prepares the session's current connection, once; a new connection is prepared again. Nothing to do where
    /// statements are not prepared (behind a pooler). Blocks as Session::connect does. @throws pg::DatabaseError
    /// @returns the session
    pg::Session& on(pg::Session& session);

private:
    int backend_pid_ = 0;
};

}  // namespace oiab::queue

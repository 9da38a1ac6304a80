#pragma once
/// @file  The client for one call of a turn's model. For model calls of all kinds.

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "agent/person.hpp"
#include "agent/world.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

/// The configured endpoint, or the client of the choice's provider row. Where the row's credentials can no longer be
/// decrypted, as after a rotation that began while the turn was under way, the row is read again first.
/// @param attempt, world, person, choice  outlive the coroutine
/// @throws pg::DatabaseError
[[nodiscard]] boost::asio::awaitable<std::shared_ptr<clients::ChatModel>> chat_for(Attempt& attempt,
                                                                                   const AgentWorld& world,
                                                                                   const Person& person,
                                                                                   const ModelChoice& choice);

}  // namespace oiab::agent

#pragma once
/// @file  The step after a turn that remembers what the user said about how they want to be treated. For the handler of
/// turns.

#include <boost/asio/awaitable.hpp>
#include <string>

#include "agent/person.hpp"
#include "agent/world.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

struct RememberedPreferences {
    int added = 0;
    int replaced = 0;

    /// Whether there is something to embed.
    [[nodiscard]] bool any() const noexcept { return added + replaced > 0; }
};

/// Finds preferences in the user's text, as settings.preferences says, and keeps them as private memories of kind
/// preference, in the durable step `preferences`; nothing is done where none are found, or where the person may not
/// write memories. What goes wrong is logged and never fails the turn.
/// @param attempt, world, person  outlive the coroutine
/// @throws LeaseLost, and operation_aborted where the attempt is cancelled: then there is no turn any more
[[nodiscard]] boost::asio::awaitable<RememberedPreferences> remember_preferences(
    Attempt& attempt, const AgentWorld& world, const Person& person, ModelChoice model, std::string session_id,
    std::string text);

}  // namespace oiab::agent

#pragma once
/// @file  Which runtimes this process has for turns, and which one a turn goes to. Made once at start, read by all
/// threads.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "agent/opencode_runtime.hpp"
#include "agent/world.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::handlers {

struct TurnRuntime {
    std::shared_ptr<const agent::AgentWorld> world;
    std::shared_ptr<const agent::OpencodeRuntime> opencode;  ///< nullptr: the chat loop works on the turn itself
};

struct TurnRuntimes {
    std::string configured;  ///< where no tenant says otherwise
    std::map<std::string, TurnRuntime, std::less<>> all;

    /// The runtime of that name, for a turn that was begun in it or whose tenant wants it. @throws EndAttempt (retry)
    /// where this process has none: another one may, and no other runtime may do the work in its place
    [[nodiscard]] const TurnRuntime& get(std::string_view name) const;
};

}  // namespace oiab::handlers

#pragma once
/// @file  The runtime `opencode`: a turn's work is done by an opencode server in a sandbox, and this side sees to it
/// that it is done once, within the user's roles and budget. For the handler of turns.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "agent/chat_loop.hpp"
#include "agent/model_choice.hpp"
#include "clients/opencode_client.hpp"
#include "core/clock.hpp"
#include "store/audit.hpp"

namespace oiab::agent {

/// Made once at start, shared by all turns.
struct OpencodeRuntime {
    std::shared_ptr<clients::OpencodeClient> client;
    const core::Clock* clock = nullptr;  ///< outlives the runtime
    /// Where a tenant's turns work, as the sandbox names it; `{tenant}` and `{user}` are filled in. Empty: where
    /// opencode was started.
    std::string directory = "/workspace/{tenant}";
    /// The same directory as this process reaches it; empty where it doesn't.
    std::string local_directory;
    /// How often a turn is looked at though no event came: events are hints, this is the guarantee.
    std::chrono::milliseconds poll{5'000};
    /// How long an opencode that does not answer is waited for before the attempt ends.
    std::chrono::milliseconds patience{120'000};
    /// How long a prompt that was taken may show no sign of life.
    std::chrono::milliseconds silence{30'000};
};

/// What the turn leaves behind besides its result.
struct OpencodeTurnResult {
    ChatResult result;
    std::vector<store::AuditEntry> audit;  ///< one entry a tool call
    std::string opencode_session;          ///< where others find the turn in opencode
};

/// Begins the turn, or goes on with what an earlier attempt began: looks before it posts, follows what runs, answers
/// permission requests from the user's roles, charges every finished model call, and ends a turn beyond its budget.
/// @param task  its tools are ignored: opencode has its own
/// @param attempt, world, runtime, person, session  outlive the coroutine
/// @throws EndAttempt: failed(effect_unknown) where opencode died while a tool ran, failed(budget), failed with the
/// model's refusal, retry where opencode does not answer or waits for its provider beyond the deadline; LeaseLost,
/// DatabaseError
[[nodiscard]] boost::asio::awaitable<OpencodeTurnResult> run_opencode_turn(Attempt& attempt, const AgentWorld& world,
                                                                           const OpencodeRuntime& runtime,
                                                                           const Person& person,
                                                                           const store::SessionRow& session,
                                                                           ChatTask task);

}  // namespace oiab::agent

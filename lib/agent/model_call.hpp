#pragma once
/// @file  One call of a model within a job: a durable step that keeps within the budget, is paid for once, and says
/// what a failure means for the job. For the chat loop and the planner.

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/ledger.hpp"
#include "agent/world.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

struct ModelCall {
    std::string step;  ///< its name; the step's key identifies the call to the provider and in the records
    std::string session_id;
    std::string purpose;
    ModelChoice model;
    std::string system_prompt;
    std::vector<clients::ChatMessage> history;  ///< earlier exchanges, of which the oldest may be dropped
    std::size_t dropped = 0;                    ///< exchanges that earlier calls of this job dropped already
    std::vector<clients::ChatMessage> turn;     ///< this turn's messages, never dropped
    std::vector<clients::ToolDefinition> tools;
    std::int64_t stream_position = 0;  ///< bytes of the answer that precede this call's
    bool streamed = true;              ///< false: nobody who follows the session is to see this answer grow
    /// What identifies the call beside its name: another one under the same name fails the job. The history is told by
    /// the last message that belongs to it, never copied.
    std::int64_t history_through = 0;
};

struct ModelReply {
    std::string content;
    std::vector<clients::ToolCall> tool_calls;
    std::optional<clients::ProviderParts> parts;
    std::string finish_reason;
    std::string model;  ///< as the provider names it
    TokenCount tokens;
    double cost_usd = 0;
    std::size_t dropped = 0;  ///< exchanges that are dropped by now: later calls of the job go on from there
};

/// Makes the call, or returns what an earlier attempt got. A conversation that turns out too long for the model loses
/// the older half of its exchanges and is sent once more.
/// @param attempt, world, person  outlive the coroutine
/// @throws EndAttempt: failed(budget), failed with the provider's message, or retry after what the provider asked for;
/// LeaseLost, DatabaseError
[[nodiscard]] boost::asio::awaitable<ModelReply> call_model(Attempt& attempt, const AgentWorld& world,
                                                            const Person& person, ModelCall call);

}  // namespace oiab::agent

#pragma once
/// @file  Something that a model may have done. For the chat loop; implementations are shared by all turns.

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>

#include "agent/person.hpp"
#include "agent/world.hpp"
#include "clients/call_error.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

/// Where a tool is called. Outlives the call.
struct ToolScene {
    Attempt& attempt;
    const AgentWorld& world;
    const Person& person;
    std::string session_id;
    std::string channel;
};

/// The tool will not do it; the model is told why and may go on.
class ToolRefusal : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Tool {
public:
    virtual ~Tool() = default;

    [[nodiscard]] virtual clients::ToolDefinition definition() const = 0;
    /// Whether the person's roles give it any use at all; a tool that is of none is not offered.
    [[nodiscard]] virtual bool is_useful_to(const Person& person) const = 0;

    /// Whether a call may be made again with the same idempotency key when an attempt died in the middle of it: kSafe
    /// where the tool reads only or recognises the key. An unknown call of a tool that is kUnsafe fails the job as
    /// effect_unknown, and a person decides.
    [[nodiscard]] virtual clients::Repeat repeat() const = 0;

    /// What must be remembered, beside the definition, to offer the same tool again in a later attempt; null for tools
    /// of this program.
    [[nodiscard]] virtual nlohmann::json origin() const;

    /// Does it. Where repeat() is kSafe, a repeated call with the same key has no second effect; the effect of a tool
    /// of our own, the guard and the audit entry are one transaction.
    /// @param arguments  an object, otherwise unchecked
    /// @returns what the model is told. @throws ToolRefusal, LeaseLost, DatabaseError; EffectUnknown where the call may
    /// have had its effect; anything else where it surely had none, or may be repeated: the attempt is then retried
    [[nodiscard]] virtual boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                                   std::string idempotency_key) = 0;
};

/// Writes the audit entry of a tool call, in the transaction of its effect. Lane threads only.
/// @param action  tool.execute, tool.permission_deny, or tool.result for the end of an effect outside
/// @param outcome  how it ended, of tool.result; empty: not told
void audit_tool(pg::Transaction& tx, const ToolScene& scene, const std::string& tool, const nlohmann::json& arguments,
                const std::string& idempotency_key, const std::string& action = "tool.execute",
                const std::string& outcome = {});

}  // namespace oiab::agent

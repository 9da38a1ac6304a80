#pragma once
/// @file  A finished turn of opencode as the ChatResult that the direct runtime would give, and its model calls as
/// usage. Pure; any thread.

#include <string>
#include <vector>

#include "agent/chat_loop.hpp"
#include "agent/opencode_view.hpp"

namespace oiab::agent {

/// One tool call, for the audit log.
struct OpencodeToolUse {
    std::string tool;
    std::string call_key;  ///< the same in every attempt
    nlohmann::json input;
    bool done = false;  ///< false: refused, or it failed
};

struct OpencodeHarvest {
    ChatResult result;  ///< tokens and cost are left at zero
    std::vector<OpencodeToolUse> tools;
};

/// @param child_calls  model calls of subagents: they count as rounds, their words do not
[[nodiscard]] OpencodeHarvest harvest_opencode_turn(const OpencodeView& view, std::size_t child_calls, core::JobId job);

/// One call of a model.
struct OpencodeCall {
    std::string request_id;  ///< the same in every attempt, and a subagent's in every turn
    std::string provider;
    std::string model;
    clients::OpencodeTokens tokens;
    double cost_usd = 0;  ///< as opencode reckons; 0 where it knows no price
    std::optional<std::chrono::milliseconds> duration;
    bool uncertain = false;  ///< broken off: what it cost nobody was told
};

enum class LostCalls {
    kLeaveOut,  ///< an unfinished message may still be worked on
    kEstimate,  ///< nobody works on the turn any more: unfinished messages are calls that were lost
};

/// @param owner  whose calls they are: the job for the turn's own, the session's id for a subagent's, which later turns
/// may resume. A request id is this, a colon, and the message's id
[[nodiscard]] std::vector<OpencodeCall> list_opencode_calls(const std::vector<clients::OpencodeMessage>& messages,
                                                            const std::string& owner, LostCalls lost);

}  // namespace oiab::agent

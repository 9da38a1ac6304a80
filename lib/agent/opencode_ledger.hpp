#pragma once
/// @file  What a turn of opencode costs, written down call by call as the calls end. Lane threads only; blocks and
/// throws what the transaction does.

#include <set>
#include <span>
#include <string>

#include "agent/chat_loop.hpp"
#include "agent/opencode_harvest.hpp"

namespace oiab::agent {

struct OpencodeSum {
    TokenCount tokens;
    double cost_usd = 0;
    std::set<std::string> of_others;  ///< request ids of calls that another turn has paid for: not in the sum
};

/// Records each call once, however often it is told, by whichever turn; what opencode reckons at nothing is reckoned by
/// model_prices.
/// @returns the sum of those calls that are the job's
OpencodeSum charge_opencode_calls(pg::Transaction& tx, const Person& person, core::JobId job,
                                  const std::string& session_id, const std::string& purpose,
                                  std::span<const OpencodeCall> calls);

}  // namespace oiab::agent

#pragma once
/// @file  The opencode session of a turn: found or made, with a title and the rules of the user's roles, before
/// anything is posted to it. For the opencode runtime.

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "agent/opencode_runtime.hpp"

namespace oiab::agent {

/// Where a turn runs. Recorded in the step `opencode`: later attempts go to the same place.
struct OpencodePlace {
    std::string session;
    std::string directory;
    ModelChoice model;  ///< as opencode names it; empty: its default
};

/// Makes the session ready. A session that an earlier attempt used and that is gone now took with it what the turn did.
/// @param wanted  session, directory and the model that was chosen, with or without its provider
/// @throws EndAttempt: failed where opencode knows no such model, failed(effect_unknown) where the session is lost,
/// what end_attempt_for throws
[[nodiscard]] boost::asio::awaitable<OpencodePlace> open_opencode_session(Attempt& attempt,
                                                                          const OpencodeRuntime& runtime,
                                                                          OpencodePlace wanted, std::string title,
                                                                          std::vector<clients::OpencodeRule> rules);

/// The model as opencode names it. @throws EndAttempt where there is none of that name
[[nodiscard]] ModelChoice resolve_opencode_model(const ModelChoice& wanted, const clients::OpencodeModels& models);

}  // namespace oiab::agent

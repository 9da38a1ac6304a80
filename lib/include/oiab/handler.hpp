#pragma once
/// @file  A handler runs the attempts of some kinds of job. For handler authors.

#include <boost/asio/awaitable.hpp>

#include "core/outcome.hpp"
#include "oiab/attempt.hpp"

namespace oiab {

class Handler {
public:
    virtual ~Handler() = default;

    /// Runs one attempt. Called for many jobs at once, on the threads of the handler pool; it must not block (database
    /// sections go through Attempt::transact). `attempt` outlives the coroutine.
    /// What it throws becomes a retry; a cancelled attempt may throw operation_aborted or return anything: the executor
    /// settles by the reason of the cancellation, unless the handler had already completed.
    virtual boost::asio::awaitable<core::Outcome> run(Attempt& attempt) = 0;
};

}  // namespace oiab

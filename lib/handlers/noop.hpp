#pragma once
/// @file  The kind `noop`: does what its payload says and nothing else. For trying, testing and measuring; registered
/// under
/// `--diagnostics` only. Thread-safe.

#include "oiab/handler.hpp"

namespace oiab::handlers {

/// `{sleepMs?, failTimes?, result?, crash?, stamp?}`, all optional:
/// waits, fails its first `failTimes` attempts, kills the process where `crash` is true, and completes with `result`.
/// With `stamp` the result is `{"startedAt": µs}`, the wall clock at the handler's first line; for latency
/// measurements.
class Noop final : public Handler {
public:
    boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;
};

}  // namespace oiab::handlers

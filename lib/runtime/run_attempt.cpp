#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <fmt/format.h>

#include "runtime/executor.hpp"
#include "runtime/live_attempt.hpp"

namespace oiab::runtime {
namespace {

/// Whether the outcome stands although the attempt was told to stop: work that is done is not undone by the request.
bool stands_after_cancel(const core::Outcome& outcome) {
    return std::holds_alternative<core::Completed>(outcome) || std::holds_alternative<core::AlreadySettled>(outcome) ||
           std::holds_alternative<core::Abandoned>(outcome);
}

/// What the handler's steps brought is kept, however the handler ended: a later attempt goes on from it.
boost::asio::awaitable<void> keep_unsettled(LiveAttempt& attempt) {
    try {
        co_await attempt.write_unsettled();
    } catch (const LeaseLost&) {
        attempt.log(LogLevel::kInfo, "the lease was lost before the last step was recorded");
    } catch (const std::exception& e) {
        attempt.log(LogLevel::kWarning,
                    fmt::format("the last step could not be recorded and will be repeated: {}", e.what()));
    }
}

}  // namespace

core::Outcome outcome_of_cancel(core::CancelReason reason, const LiveAttempt& attempt) {
    switch (reason) {
        case core::CancelReason::kUser: return core::Failed{core::FailureReason::kCancelled, "cancelled while it ran"};
        case core::CancelReason::kDeadline:
            return core::Retry{fmt::format("the attempt ran longer than its {} s",
                                           std::chrono::round<std::chrono::seconds>(attempt.run_time()).count()),
                               std::nullopt, core::FailureReason::kTimeout};
        case core::CancelReason::kShutdown:
        case core::CancelReason::kLeaseLost:
            // The guard decides whether there is still something to give back.
            return core::Released{};
    }
    return core::Released{};
}

boost::asio::awaitable<core::Outcome> run_attempt(LiveAttempt& attempt) {
    core::Outcome outcome = core::Released{};
    if (!attempt.cancelled()) {
        if (attempt.entry() == nullptr) {
            co_return core::Failed{core::FailureReason::kNoHandler,
                                   fmt::format("no handler is registered for the kind \"{}\"", attempt.job().kind)};
        }
        try {
            outcome = co_await attempt.entry()->handler->run(attempt);
        } catch (const EndAttempt& end) {
            outcome = end.outcome();
        } catch (const LeaseLost&) {
            outcome = core::Abandoned{};
        } catch (const pg::DatabaseError& e) {
            // Trouble with the database is nobody's fault: the job comes back uncounted, a little later.
            if (e.trouble() == pg::Trouble::kRefused) {
                outcome = core::retry(fmt::format("the database refused: {}", e.what()));
            } else {
                attempt.log(LogLevel::kWarning,
                            fmt::format("database trouble in the handler, the job comes back uncounted: {}", e.what()));
                outcome = core::snoozed(std::chrono::seconds{5});
            }
        } catch (const std::exception& e) {
            outcome = core::retry(e.what());
        } catch (...) {  // a handler may throw anything; its job alone pays for it
            outcome = core::retry("the handler threw something that is no std::exception");
        }
    }
    if (attempt.has_unsettled()) {
        // A cancellation that came meanwhile must not make an answer be asked for again.
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        co_await keep_unsettled(attempt);
    }
    if (const auto reason = attempt.cancelled(); reason && !stands_after_cancel(outcome))
        outcome = outcome_of_cancel(*reason, attempt);
    co_return outcome;
}

}  // namespace oiab::runtime

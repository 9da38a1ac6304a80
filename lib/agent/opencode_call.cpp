#include "agent/opencode_call.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace oiab::agent {

using clients::OpencodeTrouble;

void end_attempt_for(const clients::OpencodeFailure& failure) {
    switch (failure.kind) {
        case OpencodeTrouble::kCancelled: throw boost::system::system_error{boost::asio::error::operation_aborted};
        case OpencodeTrouble::kRefused: throw EndAttempt{core::failed(core::FailureReason::kError, failure.message)};
        case OpencodeTrouble::kUnreachable:
        case OpencodeTrouble::kNotFound:
        case OpencodeTrouble::kServer: break;
    }
    throw EndAttempt{core::retry(failure.message)};
}

void end_attempt_for(const clients::OpencodeError& error) {
    const std::string said = error.message.empty() ? error.name : error.message;
    if (error.name == "MessageAbortedError") {
        throw EndAttempt{core::failed(core::FailureReason::kError, "the turn was aborted in opencode")};
    }
    // Asking again would bring the same answer.
    constexpr std::array<std::string_view, 5> kForGood{"ProviderAuthError", "ContextOverflowError",
                                                       "MessageOutputLengthError", "StructuredOutputError",
                                                       "ContentFilterError"};
    const bool refused = error.name == "APIError" && !error.is_retryable;
    if (refused || std::ranges::find(kForGood, error.name) != kForGood.end()) {
        throw EndAttempt{core::failed(core::FailureReason::kError, "the model refused: " + said)};
    }
    throw EndAttempt{core::retry("the model call failed in opencode: " + said)};
}

}  // namespace oiab::agent

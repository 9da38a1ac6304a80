#pragma once
/// @file  What an opencode that does not answer, or refuses, means for an attempt. For the opencode runtime.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>

#include "agent/opencode_runtime.hpp"

namespace oiab::agent {

/// @throws EndAttempt: retry where the server may recover, failed where it refuses what it was asked; operation_aborted
[[noreturn]] void end_attempt_for(const clients::OpencodeFailure& failure);
/// What an error that ended the turn means: failed for good, or retry. @throws EndAttempt
[[noreturn]] void end_attempt_for(const clients::OpencodeError& error);

/// Makes the call again while nobody answers, for as long as the runtime's patience lasts. A sandbox that restarts is
/// back within a minute, and that shall cost no attempt.
/// @param make  makes one call; outlives the coroutine
/// @throws EndAttempt
template <typename Make>
auto insist(Attempt& attempt, const OpencodeRuntime& runtime, Make& make)
    -> boost::asio::awaitable<typename std::invoke_result_t<Make&>::value_type::value_type> {
    using namespace std::chrono_literals;
    const auto until = core::Deadline::after(runtime.patience).or_earlier(attempt.deadline());
    std::chrono::milliseconds pause = 100ms;
    for (;;) {
        auto answer = co_await make();
        if (answer) {
            if constexpr (std::is_void_v<typename decltype(answer)::value_type>) co_return;
            else co_return std::move(*answer);
        }
        if (answer.error().kind != clients::OpencodeTrouble::kUnreachable || until.reached()) {
            end_attempt_for(answer.error());
        }
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, pause};
        co_await timer.async_wait(boost::asio::use_awaitable);
        pause = std::min(pause * 2, std::chrono::milliseconds{2s});
    }
}

}  // namespace oiab::agent

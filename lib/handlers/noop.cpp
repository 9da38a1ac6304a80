#include "handlers/noop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <limits>
#include <string_view>

#include "handlers/payload.hpp"

namespace oiab::handlers {
namespace {

/// Whether the payload can name anything that this handler looks for. Reading JSON takes longer than all the rest of a
/// no-op that asks for nothing. The server renders jsonb without escapes in such names.
bool may_ask(std::string_view payload) {
    constexpr std::string_view kOptions[] = {"\"sleep", "\"crash\"", "\"fail", "\"stamp\"", "\"result\""};
    return !payload.starts_with('{') || std::ranges::any_of(kOptions, [payload](std::string_view option) {
        return payload.find(option) != std::string_view::npos;
    });
}

}  // namespace

boost::asio::awaitable<core::Outcome> Noop::run(Attempt& attempt) {
    namespace asio = boost::asio;
    constexpr auto kMost = std::numeric_limits<std::int32_t>::max();
    if (!may_ask(attempt.job().payload)) co_return core::completed();
    const auto started = std::chrono::system_clock::now();
    const Payload payload{attempt.job().payload};

    if (const auto sleep = payload.optional_integer("sleepMs", 0, 0, kMost); sleep > 0) {
        asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{sleep}};
        co_await timer.async_wait(asio::use_awaitable);
    }
    if (payload.optional_flag("crash")) {
        attempt.log(LogLevel::kWarning, "noop was told to crash");
        // As when the machine loses power: nothing is flushed, nothing is given back.
        std::raise(SIGKILL);
    }
    const auto fail_times = payload.optional_integer("failTimes", 0, 0, kMost);
    if (attempt.job().attempt <= fail_times)
        co_return core::retry(fmt::format("told to fail its first {} attempts", fail_times));
    if (payload.optional_flag("stamp")) {
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(started.time_since_epoch()).count();
        co_return core::completed(fmt::format(R"({{"startedAt": {}}})", us));
    }
    const auto* result = payload.find("result");
    co_return core::completed(result != nullptr ? result->dump() : std::string{});
}

}  // namespace oiab::handlers

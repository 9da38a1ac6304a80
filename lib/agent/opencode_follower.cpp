#include "agent/opencode_follower.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kShortestPause = 100ms;
constexpr std::chrono::milliseconds kLongestPause = 2s;

}  // namespace

OpencodeFollower::OpencodeFollower(clients::OpencodeClient& client, std::string directory,
                                   const asio::any_io_executor& executor,
                                   std::function<bool(const clients::OpencodeEvent&)> on_event,
                                   std::function<void()> on_gap)
    : client_{client},
      directory_{std::move(directory)},
      on_event_{std::move(on_event)},
      on_gap_{std::move(on_gap)},
      pause_{executor},
      wakeup_{executor} {}

asio::awaitable<void> OpencodeFollower::read() {
    auto pause = kShortestPause;
    for (;;) {
        const bool was_open = std::exchange(open_, false);
        co_await read_one_stream();
        if (open_) pause = kShortestPause;
        if (open_ || was_open) on_gap_();
        wake();
        pause_.expires_after(pause);
        co_await pause_.async_wait(asio::use_awaitable);
        pause = std::min(pause * 2, kLongestPause);
    }
}

asio::awaitable<void> OpencodeFollower::read_one_stream() {
    auto events = co_await client_.events(directory_);
    if (!events) co_return;
    for (;;) {
        const auto batch = co_await events->next();
        if (!batch) co_return;
        // The stream greets with server.connected: from then on nothing is missed.
        bool worth_a_look = !std::exchange(open_, true);
        for (const auto& event : *batch) worth_a_look |= on_event_(event);
        if (worth_a_look) wake();
    }
}

void OpencodeFollower::wake() {
    news_ = true;
    wakeup_.cancel();
}

asio::awaitable<void> OpencodeFollower::wait_for_news(std::chrono::milliseconds longest) {
    if (!news_) {
        wakeup_.expires_after(longest);
        boost::system::error_code ignored;  // woken, or the time is up: the caller looks either way
        co_await wakeup_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    news_ = false;
}

}  // namespace oiab::agent

#pragma once
/// @file  Keeps opencode's event stream open while a turn is followed, and wakes whoever waits for it to have changed.
/// Events are hints: what they say is asked for afterwards. One turn's; used on the attempt's executor.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "clients/opencode_client.hpp"

namespace oiab::agent {

class OpencodeFollower {
public:
    /// @param client     outlives this object
    /// @param on_event   told of every event, before whoever waits is woken; @returns whether it is worth a look
    OpencodeFollower(clients::OpencodeClient& client, std::string directory,
                     const boost::asio::any_io_executor& executor,
                     std::function<bool(const clients::OpencodeEvent&)> on_event, std::function<void()> on_gap);

    /// Reads events until it is cancelled; opens the stream again whenever it breaks.
    [[nodiscard]] boost::asio::awaitable<void> read();

    /// Waits until there is something to look at, or `longest` has passed. The stream being open is something, too.
    [[nodiscard]] boost::asio::awaitable<void> wait_for_news(std::chrono::milliseconds longest);

private:
    [[nodiscard]] boost::asio::awaitable<void> read_one_stream();
    void wake();

    clients::OpencodeClient& client_;
    std::string directory_;
    std::function<bool(const clients::OpencodeEvent&)> on_event_;
    std::function<void()> on_gap_;
    boost::asio::steady_timer pause_;   ///< between two streams
    boost::asio::steady_timer wakeup_;  ///< cancelled to wake whoever waits
    bool news_ = false;
    bool open_ = false;
};

}  // namespace oiab::agent

#pragma once
/// @file  Writes an answer down piece by piece while the model still speaks, for those who stream. One model call's;
/// used on the attempt's executor.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "oiab/attempt.hpp"

namespace oiab::agent {

class AnswerStream {
public:
    /// @param attempt   outlives this object
    /// @param position  bytes of the answer that precede this call's
    AnswerStream(Attempt& attempt, std::string session_id, std::int64_t position, std::chrono::milliseconds interval);

    /// Removes what an earlier attempt streamed of this call and of what came after it: it may have been cut off
    /// anywhere. What precedes this call stays: it was recorded and is not spoken again. @throws LeaseLost
    [[nodiscard]] boost::asio::awaitable<void> begin();

    /// Takes the next piece. Never blocks.
    void add(std::string_view delta);

    /// Writes what has come every `interval`, until it is cancelled. Streaming is a courtesy: where the database
    /// refuses, it stops and the turn goes on. @throws LeaseLost
    [[nodiscard]] boost::asio::awaitable<void> write_while_open();

    /// Writes what is left, so that the stream holds the whole answer. Lane threads only, when nobody adds any more.
    void write_rest(pg::Transaction& tx);

private:
    void write(pg::Transaction& tx, std::int64_t position, const std::string& piece);

    Attempt& attempt_;
    std::string session_id_;
    std::chrono::milliseconds interval_;
    std::int64_t written_;  ///< bytes of the answer that are in the database
    std::string pending_;
};

}  // namespace oiab::agent

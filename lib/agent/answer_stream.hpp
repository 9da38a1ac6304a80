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

/// The end of an answer's stream.
struct StreamRest {
    std::string session_id;
    core::JobId job;
    std::int64_t position = 0;
    std::string piece;

    /// Lane threads only, under the attempt's guard.
    void write(pg::Transaction& tx) const;
};

class AnswerStream {
public:
    /// @param attempt   outlives this object
    /// @param position  bytes of the answer that precede this call's
    AnswerStream(Attempt& attempt, std::string session_id, std::int64_t position, std::chrono::milliseconds interval);

    /// Removes what an earlier attempt streamed of this call and of what came after it: it may have been cut off
    /// anywhere. What precedes this call stays: it was recorded and is not spoken again. Lane threads only, under the
    /// attempt's guard.
    void begin(pg::Transaction& tx) const;

    /// Takes the next piece. Never blocks.
    void add(std::string_view delta);

    /// Writes what has come every `interval`, until it is cancelled. Streaming is a courtesy: where the database
    /// refuses, it stops and the turn goes on. @throws LeaseLost
    [[nodiscard]] boost::asio::awaitable<void> write_while_open();

    /// What is not written yet, when nobody adds any more; with it the stream holds the whole answer.
    [[nodiscard]] StreamRest rest() const { return {session_id_, job_, written_, pending_}; }

private:
    Attempt& attempt_;
    core::JobId job_;
    std::string session_id_;
    std::chrono::milliseconds interval_;
    std::int64_t written_;  ///< bytes of the answer that are in the database
    std::string pending_;
};

}  // namespace oiab::agent

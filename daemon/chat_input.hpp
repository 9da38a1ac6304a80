#pragma once
/// @file  What a conversation waits for: a typed line, something new in the database, or Ctrl-C. Used by the chat
/// command's one thread.

#include <chrono>
#include <optional>
#include <string>

#include "pg/channel.hpp"

namespace oiab::daemon {

/// Ctrl-C while an answer is awaited; at the prompt it ends the program as everywhere. One at a time.
class InterruptWatch {
public:
    InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;
    ~InterruptWatch();

    /// Whether it was pressed since the last call.
    [[nodiscard]] bool take() noexcept;
};

/// Waits until the channel speaks, Ctrl-C is pressed, or the time is up. Hints only: look again in any case.
void wait_for_news(pg::Session& session, pg::Channel& channel, std::chrono::milliseconds at_most);

/// Lines of stdin.
class LineReader {
public:
    enum class Event { kLine, kEnd, kNews };
    /// Waits for a line, the end of the input, or news on the channel (at most `at_most` long, then kNews as well).
    /// @throws DatabaseError where the session breaks
    [[nodiscard]] Event wait(pg::Session& session, pg::Channel& channel, std::chrono::milliseconds at_most);
    /// The line of the last kLine, without its end.
    [[nodiscard]] const std::string& line() const noexcept { return line_; }

private:
    bool take_line();

    std::string buffer_;
    std::string line_;
    bool ended_ = false;
};

}  // namespace oiab::daemon

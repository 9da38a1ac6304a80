#pragma once
/// @file  One attempt by a program, from its start to its outcome. Private to the executable handler; lives on the
/// handler's coroutine.
///
/// The coroutine sleeps on one descriptor, an epoll of everything that can happen: messages, output, the process's end,
/// a timer. So nothing runs beside it, and a cancellation has one place to arrive.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/deadline.hpp"
#include "core/outcome.hpp"
#include "oiab/attempt.hpp"
#include "plugin/child.hpp"
#include "plugin/executable.hpp"
#include "plugin/line_buffer.hpp"

namespace oiab::plugin {

class ExecutableRun {
public:
    ExecutableRun(Attempt& attempt, const ExecutableSettings& settings, Child child,
                  const boost::asio::any_io_executor& executor);

    /// Runs to the end of the process. @throws LeaseLost (the program is killed then), pg::DatabaseError
    [[nodiscard]] boost::asio::awaitable<core::Outcome> follow();

private:
    boost::asio::awaitable<void> wait_for_news();
    boost::asio::awaitable<void> pass_on();
    void take_news();
    [[nodiscard]] bool read_messages();
    [[nodiscard]] bool read_output();
    void take_message(std::string_view line);
    void take_output_line(std::string_view line);
    void take_breach(std::string what);
    void begin_stop();
    void arm_timer();
    void watch_output(bool on);
    [[nodiscard]] core::Outcome outcome_of(ChildEnd end);

    Attempt& attempt_;
    const ExecutableSettings& settings_;
    Child child_;
    Descriptor epoll_;
    Descriptor timer_;
    boost::asio::posix::stream_descriptor news_;
    bool ended_ = false;

    const std::size_t max_message_bytes_;
    LineBuffer messages_;
    std::size_t message_bytes_ = 0;
    nlohmann::json result_ = nlohmann::json::object();
    std::optional<nlohmann::json> progress_;  ///< the latest not yet stored
    core::Deadline next_progress_ = core::Deadline::after({});
    std::deque<core::NewJob> to_enqueue_;
    std::size_t enqueued_ = 0;

    LineBuffer output_;
    std::size_t output_bytes_ = 0;
    std::size_t output_lines_ = 0;
    std::string last_line_;
    core::Deadline next_output_ = core::Deadline::never();  ///< while a flood is slowed down

    std::optional<std::string> breach_;  ///< of the protocol; the attempt cannot be completed any more
    bool stopping_ = false;
    core::Deadline kill_at_ = core::Deadline::never();
};

}  // namespace oiab::plugin

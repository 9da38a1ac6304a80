#pragma once
/// @file  Conducts one turn in opencode: looks, posts where nothing was posted, follows, and decides what an opencode
/// that stands still means. One attempt's; used on its executor.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/answer_stream.hpp"
#include "agent/opencode_follower.hpp"
#include "agent/opencode_harvest.hpp"
#include "agent/opencode_ledger.hpp"
#include "agent/opencode_session.hpp"
#include "agent/opencode_text.hpp"
#include "agent/opencode_transcript.hpp"

namespace oiab::agent {

/// A subagent's session.
struct OpencodeChild {
    OpencodeTranscript transcript;
    int calls_read = 0;  ///< so many calls of it had ended when it was read last, and none ran
};

class OpencodeConduct {
public:
    /// The references outlive this object.
    OpencodeConduct(Attempt& attempt, const OpencodeRuntime& runtime, const Person& person, const OpencodePlace& place,
                    const std::vector<clients::OpencodeRule>& rules, const ChatTask& task, AnswerStream& stream,
                    const boost::asio::any_io_executor& executor);

    /// Returns once the turn is answered. @throws EndAttempt, LeaseLost, DatabaseError, operation_aborted
    [[nodiscard]] boost::asio::awaitable<void> run();
    /// Runs beside run(), until it is cancelled.
    [[nodiscard]] boost::asio::awaitable<void> read_events() { return follower_.read(); }
    /// Stops the turn in opencode; whether that succeeded, nobody waits to hear.
    [[nodiscard]] boost::asio::awaitable<void> abort();
    /// After run() has thrown: charges what is known by now, and by estimate what broke off. A later attempt that knows
    /// more replaces the estimates. Never throws.
    [[nodiscard]] boost::asio::awaitable<void> charge_lost();
    /// After run(): charges what is left to charge, and hands the turn over.
    [[nodiscard]] boost::asio::awaitable<OpencodeHarvest> harvest();

private:
    [[nodiscard]] boost::asio::awaitable<void> begin();
    /// @returns whether the turn is over.
    [[nodiscard]] boost::asio::awaitable<bool> go_on();
    [[nodiscard]] boost::asio::awaitable<void> look();
    [[nodiscard]] boost::asio::awaitable<void> look_at_messages();
    [[nodiscard]] boost::asio::awaitable<bool> knows(std::string message);
    [[nodiscard]] boost::asio::awaitable<void> look_at_children();
    [[nodiscard]] boost::asio::awaitable<std::vector<clients::OpencodeMessage>> ask_messages(std::string session,
                                                                                             int limit);
    [[nodiscard]] boost::asio::awaitable<void> charge();
    [[nodiscard]] boost::asio::awaitable<void> while_working();
    [[nodiscard]] boost::asio::awaitable<bool> while_idle();
    [[nodiscard]] boost::asio::awaitable<void> post();
    /// @throws EndAttempt where no call may be made any more
    [[nodiscard]] boost::asio::awaitable<void> require_budget();
    [[nodiscard]] boost::asio::awaitable<void> answer_requests();
    [[nodiscard]] boost::asio::awaitable<void> answer(clients::OpencodeRequest request);
    [[nodiscard]] boost::asio::awaitable<bool> is_ours(std::string session);
    [[nodiscard]] bool take_event(const clients::OpencodeEvent& event);
    [[nodiscard]] bool may_still_begin() const;
    [[nodiscard]] std::vector<OpencodeCall> uncharged(LostCalls lost) const;
    void note(const std::vector<OpencodeCall>& calls, const OpencodeSum& sum);
    [[nodiscard]] std::size_t count_child_calls() const;
    [[nodiscard]] std::string system_prompt() const;

    Attempt& attempt_;
    const OpencodeRuntime& runtime_;
    const Person& person_;
    const OpencodePlace& place_;
    const std::vector<clients::OpencodeRule>& rules_;
    const ChatTask& task_;
    AnswerStream& stream_;
    OpencodeFollower follower_;
    OpencodeText text_;

    clients::OpencodeStatus status_;
    OpencodeView view_;
    OpencodeTranscript own_;
    std::map<std::string, OpencodeChild> children_;  ///< subagents by session
    std::set<std::string> sessions_;                 ///< ours and the subagents'

    int posts_ = 0;
    bool alive_ = false;  ///< something ran since the last post
    core::Deadline silence_ = core::Deadline::never();
    int idle_looks_ = 0;
    std::optional<clients::OpencodeError> error_;  ///< that opencode told of since the last post
    bool asked_ = true;                            ///< somebody may wait for an answer
    bool is_ending_ = false;                       ///< nothing is insisted upon any more

    std::set<std::string> summaries_;  ///< messages whose words are not for the user
    std::set<std::string> charged_;
    std::set<std::string> of_others_;  ///< calls in resumed subagents' sessions that earlier turns have paid for
    OpencodeSum sum_;
};

}  // namespace oiab::agent

#pragma once
/// @file  Watching one job of a conversation until it is final: its answer as it grows, its troubles, its end. Used by
/// the chat command's one thread.

#include <cstdint>
#include <optional>
#include <string>

#include "core/uuid.hpp"
#include "daemon/chat_screen.hpp"
#include "pg/channel.hpp"
#include "pg/session.hpp"
#include "store/stream.hpp"

namespace oiab::daemon {

enum class TurnEnd {
    kCompleted,
    kFailed,
    kGone,  ///< the row was deleted: by somebody, or because it completed where delete_on_complete is set
    kLeft,  ///< Ctrl-C a second time: the job goes on without us
};

class ChatTurn {
public:
    /// @param session, channel, screen  outlive this object
    /// @param from  bytes of the answer that the caller has already: where a piece ended, not in the middle of one
    ChatTurn(pg::Session& session, pg::Channel& channel, ChatScreen& screen, std::string session_id, core::JobId job,
             std::int64_t from);

    /// Shows the job until it is final. The first Ctrl-C cancels it. Blocks. @throws pg::DatabaseError
    [[nodiscard]] TurnEnd follow();

private:
    /// @returns how it ended, once it has.
    std::optional<TurnEnd> look();
    /// @returns false where what was shown is void: the stream is to be read from its beginning.
    bool show(const store::StreamPage& page);
    void show_trouble(const queue::JobView& job);
    void cancel();

    pg::Session& session_;
    pg::Channel& channel_;
    ChatScreen& screen_;
    const std::string session_id_;
    const core::JobId job_;
    const std::int64_t from_;
    std::string shown_;
    std::optional<store::StreamPiece> last_;  ///< the newest piece that was shown
    std::int64_t told_epoch_ = 0;             ///< of the attempt whose trouble was told
    bool has_begun_ = false;
    bool told_why_ = false;
};

}  // namespace oiab::daemon

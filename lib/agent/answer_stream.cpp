#include "agent/answer_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "store/sessions.hpp"
#include "store/stream.hpp"

namespace oiab::agent {
namespace asio = boost::asio;

AnswerStream::AnswerStream(Attempt& attempt, std::string session_id, std::int64_t position,
                           std::chrono::milliseconds interval)
    : attempt_{attempt}, session_id_{std::move(session_id)}, interval_{interval}, written_{position} {}

asio::awaitable<void> AnswerStream::begin() {
    // The epoch counts all attempts, also those that a release or a snooze refunded.
    if (attempt_.job().lease_epoch.value <= 1) co_return;
    auto body = [this](pg::Transaction& tx) {
        attempt_.guard_in(tx);
        store::clear_stream(tx, session_id_, attempt_.job().id, written_);
    };
    co_await attempt_.transact(body);
}

void AnswerStream::add(std::string_view delta) {
    pending_ += delta;
    attempt_.heartbeat();
}

void AnswerStream::write(pg::Transaction& tx, std::int64_t position, const std::string& piece) {
    attempt_.guard_in(tx);
    store::append_stream(tx, session_id_, attempt_.job().id, position, piece);
    store::notify_session(tx, session_id_);
}

asio::awaitable<void> AnswerStream::write_while_open() {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) {
        timer.expires_after(interval_);
        co_await timer.async_wait(asio::use_awaitable);
        if (pending_.empty()) continue;
        const std::string piece = std::exchange(pending_, {});
        const std::int64_t position = written_;
        written_ += static_cast<std::int64_t>(piece.size());
        auto body = [&](pg::Transaction& tx) { write(tx, position, piece); };
        try {
            co_await attempt_.transact(body);
        } catch (const pg::DatabaseError& e) {
            // write_rest brings it; the same position again replaces the piece.
            pending_.insert(0, piece);
            written_ = position;
            attempt_.log(LogLevel::kWarning, std::string{"the answer is not streamed further: "} + e.what());
            co_return;
        }
    }
}

void AnswerStream::write_rest(pg::Transaction& tx) {
    if (pending_.empty()) return;
    write(tx, written_, pending_);
}

}  // namespace oiab::agent

#include "agent/answer_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "store/additions.hpp"
#include "store/stream.hpp"

namespace oiab::agent {
namespace asio = boost::asio;

AnswerStream::AnswerStream(Attempt& attempt, std::string session_id, std::int64_t position,
                           std::chrono::milliseconds interval)
    : attempt_{attempt},
      job_{attempt.job().id},
      session_id_{std::move(session_id)},
      interval_{interval},
      written_{position} {}

void StreamRest::write(pg::Transaction& tx) const {
    if (!piece.empty()) store::add_stream(tx, session_id, job, position, piece);
}

void AnswerStream::begin(pg::Transaction& tx) const {
    // The epoch counts all attempts, also those that a release or a snooze refunded.
    if (attempt_.job().lease_epoch.value > 1) store::clear_stream(tx, session_id_, job_, written_);
}

void AnswerStream::add(std::string_view delta) {
    pending_ += delta;
    attempt_.heartbeat();
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
        auto body = [&](pg::Transaction& tx) {
            attempt_.guard_in(tx);
            store::append_stream(tx, session_id_, job_, position, piece);
        };
        try {
            co_await attempt_.transact(body);
        } catch (const pg::DatabaseError& e) {
            // It is part of the rest; the same position again replaces the piece.
            pending_.insert(0, piece);
            written_ = position;
            attempt_.log(LogLevel::kWarning, std::string{"the answer is not streamed further: "} + e.what());
            co_return;
        }
    }
}

}  // namespace oiab::agent

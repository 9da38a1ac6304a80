#include "daemon/chat_turn.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "daemon/chat_input.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/lanes.hpp"
#include "queue/operations.hpp"

namespace oiab::daemon {
namespace {

using namespace std::chrono_literals;

/// Notifications are hints; without them an answer is looked for this often.
constexpr auto kLook = 500ms;
/// A job that has not begun by then gets a word about why.
constexpr auto kPatience = 2s;

}  // namespace

ChatTurn::ChatTurn(pg::Session& session, pg::Channel& channel, ChatScreen& screen, std::string session_id,
                   core::JobId job, std::int64_t from)
    : session_{session},
      channel_{channel},
      screen_{screen},
      session_id_{std::move(session_id)},
      job_{job},
      from_{from} {}

TurnEnd ChatTurn::follow() {
    InterruptWatch interrupts;
    const auto started = std::chrono::steady_clock::now();
    bool cancelled = false;
    for (;;) {
        channel_.listen(session_);
        if (const auto end = look()) return *end;
        if (!told_why_ && !has_begun_ && std::chrono::steady_clock::now() - started > kPatience) {
            told_why_ = true;
            const auto facts =
                pg::in_transaction(session_, [this](pg::Transaction& tx) { return queue::load_why(tx, job_); });
            if (facts && facts->status == core::Status::kPending) screen_.note(queue::render_why(*facts));
        }
        wait_for_news(session_, channel_, kLook);
        if (!interrupts.take()) continue;
        if (cancelled) return TurnEnd::kLeft;
        cancelled = true;
        cancel();
    }
}

std::optional<TurnEnd> ChatTurn::look() {
    for (;;) {
        std::optional<queue::JobView> job;
        store::StreamPage page;
        pg::in_transaction(session_, [&](pg::Transaction& tx) {
            // In this order: the stream of a job that is final by now is complete.
            job = queue::load_job(tx, job_);
            page = store::load_stream(tx, session_id_, job_, last_ ? last_->position : from_);
        });
        if (!show(page) || page.more) continue;
        if (!job) {
            screen_.note("the turn is gone: it was deleted, or completed where finished jobs are not kept");
            return TurnEnd::kGone;
        }
        if (!core::is_final(job->status)) {
            show_trouble(*job);
            return std::nullopt;
        }
        screen_.ended(*job, from_ == 0 ? &shown_ : nullptr);
        return job->status == core::Status::kCompleted ? TurnEnd::kCompleted : TurnEnd::kFailed;
    }
}

bool ChatTurn::show(const store::StreamPage& page) {
    auto piece = page.pieces.begin();
    if (last_) {
        // The page begins with the piece that was shown last, unless a later attempt has removed or replaced it.
        if (piece == page.pieces.end() || *piece != *last_) {
            screen_.again(job_);
            shown_.clear();
            last_.reset();
            return false;
        }
        ++piece;
    }
    for (; piece != page.pieces.end(); ++piece) {
        screen_.delta(job_, piece->position, piece->delta);
        shown_ += piece->delta;
        last_ = *piece;
    }
    return true;
}

void ChatTurn::show_trouble(const queue::JobView& job) {
    if (job.lease_epoch == 0) return;
    has_begun_ = true;
    // A claim is no trouble; an attempt that ended without the job being final is.
    if (job.status != core::Status::kPending || !job.last_error || job.lease_epoch == told_epoch_) return;
    told_epoch_ = job.lease_epoch;
    screen_.note(fmt::format("attempt {} of {} ended: {}; the next one at {} UTC", job.attempts, job.max_attempts,
                             harmless(*job.last_error), to_the_second(job.run_at)));
}

void ChatTurn::cancel() {
    const auto result =
        pg::in_transaction(session_, [this](pg::Transaction& tx) { return queue::cancel_job(tx, job_); });
    if (!result.serial_key.empty()) {
        const std::array lanes{result.serial_key};
        (void)queue::advance_lanes(session_, lanes);
    }
    if (result.answer == queue::CancelAnswer::kRequested)
        screen_.note("cancelling; Ctrl-C again leaves without waiting for it");
}

}  // namespace oiab::daemon

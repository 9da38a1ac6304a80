/// @file  The guarded writes of an attempt. Zero rows touched means that it is no longer ours.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "queue/added_records.hpp"
#include "queue/enqueue.hpp"
#include "queue/inspect.hpp"
#include "queue/lease.hpp"
#include "queue/settle.hpp"
#include "runtime/live_attempt.hpp"

namespace oiab::runtime {
namespace {

/// How often a completion that the server did not take is tried before the attempt gives up and is retried whole: after
/// 50 ms, then after twice as long each, at most 2 s, which a restart of the server fits into.
constexpr int kCompletionTries = 10;
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2'000};

}  // namespace

void LiveAttempt::guard_in(pg::Transaction& tx) {
    if (tx.is_held_by(this)) return;
    if (adds_records()) {
        queue::add_hold(tx, guard(), [] { throw LeaseLost{}; });
    } else if (!queue::hold_attempt(tx, guard())) {
        throw LeaseLost{};
    }
    tx.note_held_by(this);
}

core::Enqueued LiveAttempt::enqueue_in(pg::Transaction& tx, const core::NewJob& job) {
    const auto enqueued = queue::enqueue_in(tx, guard(), job);
    if (!enqueued) throw LeaseLost{};
    return *enqueued;
}

boost::asio::awaitable<core::Enqueued> LiveAttempt::enqueue(core::NewJob job) {
    auto body = [this, &job](pg::Transaction& tx) { return enqueue_in(tx, job); };
    co_return co_await transact(std::move(body));
}

boost::asio::awaitable<bool> LiveAttempt::progress(nlohmann::json value) {
    heartbeat();
    const auto text = core::storable_json(value);
    auto body = [this, &text](pg::Transaction& tx) { return queue::set_progress(tx, guard(), text); };
    co_return co_await transact(std::move(body));
}

boost::asio::awaitable<core::Outcome> LiveAttempt::complete_in(std::function<std::string(pg::Transaction&)> body) {
    UnsettledSteps::Batch earlier{unsettled_};
    auto complete = [&](pg::Transaction& tx) {
        // The row is locked first, so that a rescue cannot slip between the handler's writes and the completion.
        write_in(tx, earlier);
        guard_in(tx);
        const auto result = body(tx);
        if (adds_records() && !result.empty() && result != "null") {
            queue::add_completion(tx, guard(), result, [] { throw LeaseLost{}; });
        } else if (!queue::complete_in(tx, guard(), result)) {
            throw LeaseLost{};
        }
    };
    // Where a session broke during COMMIT the row itself tells: the epoch is raised by every claim, so a completed row
    // of this epoch is ours.
    auto look = [this](pg::Transaction& tx) -> std::optional<core::Outcome> {
        const auto row = queue::load_job(tx, job_.id);
        if (!row || row->lease_epoch != job_.lease_epoch.value) return core::Abandoned{};
        if (row->status == core::Status::kCompleted) return core::AlreadySettled{};
        if (row->status != core::Status::kRunning) return core::Abandoned{};
        return std::nullopt;
    };
    bool in_doubt = false;
    auto pause = kFirstPause;
    for (int tries = 1;; ++tries) {
        try {
            std::optional<core::Outcome> known;
            if (in_doubt) known = co_await transact(look);
            in_doubt = false;
            if (!known) {
                co_await transact_as_told(complete, pg::Stage::kEnding);
                known = core::AlreadySettled{};
            }
            if (std::holds_alternative<core::AlreadySettled>(*known)) earlier.confirm();
            co_return *known;
        } catch (const LeaseLost&) {
            co_return core::Abandoned{};
        } catch (const pg::DatabaseError& e) {
            if (e.trouble() == pg::Trouble::kRefused || tries >= kCompletionTries) throw;
            in_doubt = in_doubt || e.trouble() == pg::Trouble::kInDoubt;
        }
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, pause};
        co_await timer.async_wait(boost::asio::use_awaitable);
        pause = std::min(pause * 2, kLongestPause);
    }
}

}  // namespace oiab::runtime

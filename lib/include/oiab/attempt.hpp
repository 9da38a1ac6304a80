#pragma once
/// @file  What a handler may do while it works on one attempt. For handler authors. Thread-safe unless said otherwise;
/// awaitables resume on the handler's own executor.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/deadline.hpp"
#include "core/job.hpp"
#include "core/outcome.hpp"
#include "pg/lane_group.hpp"

namespace oiab {

/// A guarded write touched no row: the attempt is no longer ours. Let it pass through; the executor writes nothing
/// then.
class LeaseLost : public std::runtime_error {
public:
    LeaseLost() : std::runtime_error{"the attempt is no longer ours: its lease was lost"} {}
};

/// Ends the attempt with an outcome from any depth of a handler. Inside of a transaction it rolls that back.
class EndAttempt : public std::exception {
public:
    explicit EndAttempt(core::Outcome outcome) : outcome_{std::move(outcome)} {}
    [[nodiscard]] const core::Outcome& outcome() const noexcept { return outcome_; }
    [[nodiscard]] const char* what() const noexcept override { return "the handler ended its attempt"; }

private:
    core::Outcome outcome_;
};

/// Thrown by a step's body that cannot tell whether its effect happened (a request was sent, no answer came).
class EffectUnknown : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a step's body is told.
struct StepCall {
    /// `<job id>:<step name>`, the same in every attempt: hand it to whoever can recognise a repeated request.
    std::string idempotency_key;
    /// True where an earlier attempt began this step and died before its result was known.
    bool repeated = false;
};

struct StepOptions {
    /// Running the body again after a crash does no harm (a model call; a tool that honours the idempotency key).
    bool repeatable = false;
    /// The result is written in the transaction of the attempt's next record (the next step's intention, or the
    /// completion; at the latest when the handler ends), which saves a commit. A process that dies in between repeats
    /// the body, so it is for steps that may be repeated, and for handlers that go on at once.
    bool settle_with_next = false;
    /// Finds out whether an unknown effect happened: its result, or nullopt where it did not happen.
    std::function<boost::asio::awaitable<std::optional<nlohmann::json>>(StepCall)> verify;
    /// Writes what belongs to the intention, in the transaction that records it and under the guard, when the body is
    /// about to run. What it throws takes the intention back and passes through. May run again where the transaction
    /// did not come through.
    std::function<void(pg::Transaction&, const StepCall&)> prepare;
    /// Writes what belongs to the result, after the body, in the transaction that records it and under the guard: both
    /// are kept, or neither is. May run again where the transaction did not come through. Not called for a result that
    /// was recorded earlier or was verified. With settle_with_next it outlives the call of step: it captures by value.
    std::function<void(pg::Transaction&)> keep;
};

enum class LogLevel { kDebug, kInfo, kWarning, kError };

class Attempt {
public:
    using StepBody = std::function<boost::asio::awaitable<nlohmann::json>(StepCall)>;

    virtual ~Attempt() = default;

    [[nodiscard]] virtual const core::Job& job() const noexcept = 0;
    /// When this attempt is cancelled with CancelReason::kDeadline.
    [[nodiscard]] virtual core::Deadline deadline() const noexcept = 0;
    /// Why the attempt is to end, once it is. A pending co_await is woken with operation_aborted besides.
    [[nodiscard]] virtual std::optional<core::CancelReason> cancelled() const noexcept = 0;
    /// Logs with the job's id, kind and attempt. No payloads, no secrets.
    virtual void log(LogLevel level, std::string_view message) = 0;

    /// The lanes for database sections; see transact.
    [[nodiscard]] virtual pg::LaneGroup& store() noexcept = 0;
    /// Runs `body(pg::Transaction&)` in one transaction. Not guarded: use it for reads and for writes that may happen
    /// twice. @throws pg::DatabaseError
    template <typename Body>
    boost::asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> transact(Body body) {
        return store().transact(std::move(body));
    }

    /// The same in a transaction that other attempts may share: see share_transactions.
    /// @param announcements  what `body` is going to ask, so that it is asked for all of them at once
    template <typename Body>
    boost::asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> transact_together(
        Body body, pg::Announcements announcements = {}) {
        return store().transact_together(std::move(body), pg::Stage::kBeginning, std::move(announcements));
    }
    /// From now on the records of this attempt's steps and its completion, with what prepare, keep and complete_in's
    /// body write, may share transactions with those of other attempts, which costs a fraction where hundreds are at
    /// work. The guard holds as ever; a transaction that does not come through is run again for each attempt alone. For
    /// attempts whose writes wait for no locks that others hold for long.
    virtual void share_transactions(bool /*shared*/) noexcept {}

    /// Locks the attempt's row under the guard, so that what follows in `tx` commits only while the attempt is ours.
    /// Lane threads only. @throws LeaseLost
    virtual void guard_in(pg::Transaction& tx) = 0;
    /// Enqueues under the guard, in the caller's transaction: a chain never loses a link. Lane threads only.
    /// @throws LeaseLost
    virtual core::Enqueued enqueue_in(pg::Transaction& tx, const core::NewJob& job) = 0;
    /// The same in a transaction of its own. @throws LeaseLost, pg::DatabaseError
    virtual boost::asio::awaitable<core::Enqueued> enqueue(core::NewJob job) = 0;

    /// Atomic completion: what `body` writes and the guarded completion commit together, or neither does. `body`
    /// returns the job's result as JSON text, and may run again after a serialization failure.
    /// @returns what the handler must return: AlreadySettled, or Abandoned where the lease was lost.
    virtual boost::asio::awaitable<core::Outcome> complete_in(std::function<std::string(pg::Transaction&)> body) = 0;

    /// Runs `body` once a job: its JSON result is stored, and later attempts get the stored one. An unknown effect (the
    /// process died between intent and result) is verified, repeated where that is declared safe, or ends the attempt
    /// as failed(effect_unknown). A different input under the same name fails the job.
    /// @throws LeaseLost, EndAttempt, pg::DatabaseError, and what `body` throws: the step is then recorded as failed
    /// and runs again in the next attempt, or as unknown where `body` threw EffectUnknown or was cancelled. A thrown
    /// EffectUnknown ends the job as failed(effect_unknown), unless the step may be repeated or verified.
    virtual boost::asio::awaitable<nlohmann::json> step(std::string name, nlohmann::json input, StepBody body,
                                                        StepOptions options) = 0;

    /// A step whose whole work is done in `tx`: the result and what `body` writes commit together, so there is no
    /// intention to record and no effect that could be unknown. Lane threads only.
    /// @returns what `body` returned, in this attempt or in an earlier one
    /// @throws LeaseLost, EndAttempt where it was recorded for another input, and what `body` throws
    virtual nlohmann::json step_in(pg::Transaction& tx, const std::string& name, const nlohmann::json& input,
                                   const std::function<nlohmann::json()>& body) = 0;

    /// Stores progress for whoever looks at the job. @returns false where the attempt is no longer ours.
    virtual boost::asio::awaitable<bool> progress(nlohmann::json value) = 0;
    /// Tells the stall watch that work goes on. Never blocks.
    virtual void heartbeat() noexcept = 0;
};

}  // namespace oiab

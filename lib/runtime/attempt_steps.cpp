/// @file  Durable steps of an attempt: recorded as intended before the body runs, settled after.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "queue/added_records.hpp"
#include "queue/steps.hpp"
#include "runtime/live_attempt.hpp"

namespace oiab::runtime {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// A record of a step that the database did not take is tried again after 50 ms, then after twice as long each, at most
/// 2 s; for as long as the lease holds, and a few times more where the attempt is told to end.
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2'000};
constexpr int kTriesWhenCancelled = 5;

/// Keys of an object are sorted by nlohmann::json, so equal inputs have equal texts.
std::string hash_of(const json& input) {
    const auto text = input.dump(-1, ' ', false, json::error_handler_t::replace);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error{"SHA-256 is not available from OpenSSL"};
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

/// @param why  what is known of it, as the beginning of the sentence
[[noreturn]] void fail_for_unknown_effect(const core::Job& job, const std::string& step, std::string_view why) {
    const auto id = job.id.to_string();
    throw EndAttempt{core::failed(core::FailureReason::kEffectUnknown,
                                  fmt::format("{0}; decide with `oiabd jobs resolve {1} --step {2} --done JSON` or "
                                              "`--repeat`",
                                              why, id, step))};
}

/// @throws EndAttempt where the answer on record is to another question
void require_same_input(const queue::BegunStep& begun, const std::string& name) {
    if (begun.answer == queue::StepBegin::kLost) throw LeaseLost{};
    if (begun.answer != queue::StepBegin::kInputDiffers) return;
    throw EndAttempt{core::failed(
        core::FailureReason::kError,
        fmt::format("step \"{}\" was recorded for a different input; its stored answer would be to another question",
                    name))};
}

/// A step of a first attempt has a record after all: it is begun again by asking for it.
struct StepIsKnown {};

[[noreturn]] void throw_lease_lost() { throw LeaseLost{}; }

/// JSON's null would become SQL's on its way through an array of rows.
bool may_be_added(const std::string& result) { return result != "null"; }

}  // namespace

/// Each of them may run again after a commit in doubt: it finds what it wrote itself. Giving up would cost more than
/// waiting: what is recorded as begun and was not, or is done and not recorded, counts as an unknown effect in the next
/// attempt.
template <typename Body>
asio::awaitable<std::invoke_result_t<Body, pg::Transaction&>> LiveAttempt::persist(Body body) {
    auto pause = kFirstPause;
    for (int tries = 1;; ++tries) {
        try {
            co_return co_await transact_as_told(body, pg::Stage::kUnderWay);
        } catch (const pg::DatabaseError& e) {
            const auto reason = cancelled();
            if (e.trouble() == pg::Trouble::kRefused || reason == core::CancelReason::kLeaseLost) throw;
            if (reason && tries >= kTriesWhenCancelled) throw;
            if (tries == 1)
                log(LogLevel::kWarning, fmt::format("a step could not be recorded, tried again: {}", e.what()));
        }
        asio::steady_timer timer{co_await asio::this_coro::executor, pause};
        boost::system::error_code woken;  // by a cancellation: the next failure decides
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
        pause = std::min(pause * 2, kLongestPause);
    }
}

asio::awaitable<LiveAttempt::BodyEnd> LiveAttempt::run_body(const StepBody& body, const StepCall& call) const {
    BodyEnd end;
    try {
        end.result = co_await body(call);
        end.status = queue::StepStatus::kDone;
        co_return end;
    } catch (const EffectUnknown& e) {
        end.status = queue::StepStatus::kUnknown;
        end.message = e.what();
        end.error = std::current_exception();
    } catch (const std::exception& e) {
        end.message = e.what();
        end.error = std::current_exception();
    }
    // Cut off in the middle: nobody knows how far the effect came. The record stays as intended, which the next attempt
    // reads as unknown.
    if (end.status == queue::StepStatus::kFailed && cancelled()) end.status = queue::StepStatus::kIntended;
    co_return end;
}

void LiveAttempt::settle_in(pg::Transaction& tx, const std::string& step, queue::StepStatus status,
                            const std::string& text) {
    if (adds_records() && status == queue::StepStatus::kDone && may_be_added(text)) {
        queue::add_done_step(tx, guard(), step, text, throw_lease_lost);
    } else if (!queue::settle_step(tx, guard(), step, status, text)) {
        throw LeaseLost{};
    }
    tx.note_held_by(this);
}

void LiveAttempt::write_in(pg::Transaction& tx, const UnsettledSteps::Batch& earlier) {
    for (const auto& step : earlier.steps()) {
        settle_in(tx, step.name, queue::StepStatus::kDone, step.result);
        if (step.keep) step.keep(tx);
    }
}

asio::awaitable<void> LiveAttempt::write_unsettled() {
    UnsettledSteps::Batch earlier{unsettled_};
    auto write = [this, &earlier](pg::Transaction& tx) { write_in(tx, earlier); };
    co_await persist(write);
    earlier.confirm();
}

json LiveAttempt::step_in(pg::Transaction& tx, const std::string& name, const json& input,
                          const std::function<json()>& body) {
    stepped_.store(true, std::memory_order_relaxed);
    const auto hash = hash_of(input);
    // Nothing can be on record before the first claim's attempt.
    if (job_.lease_epoch.value <= 1) {
        json result = body();
        const std::string text = core::storable_json(result);
        if (adds_records() && may_be_added(text)) {
            queue::add_recorded_step(tx, guard(), job_.attempt, name, hash, text, throw_lease_lost);
        } else if (!queue::record_step(tx, guard(), job_.attempt, name, hash, text)) {
            throw LeaseLost{};
        }
        tx.note_held_by(this);
        return result;
    }
    const auto begun = queue::begin_step(tx, guard(), job_.attempt, name, hash);
    require_same_input(begun, name);
    tx.note_held_by(this);
    if (begun.answer == queue::StepBegin::kDone) return json::parse(begun.result);
    json result = body();
    settle_in(tx, name, queue::StepStatus::kDone, core::storable_json(result));
    return result;
}

asio::awaitable<queue::BegunStep> LiveAttempt::begin_step(const std::string& name, const std::string& hash,
                                                          const StepCall& call, const StepOptions& options) {
    UnsettledSteps::Batch earlier{unsettled_};
    auto add = [&](pg::Transaction& tx) {
        write_in(tx, earlier);
        queue::add_begun_step(tx, guard(), job_.attempt, name, hash, [] { throw StepIsKnown{}; });
        tx.note_held_by(this);
        if (options.prepare) options.prepare(tx, call);
    };
    if (adds_records()) {
        bool known = false;
        try {
            co_await persist(add);
        } catch (const StepIsKnown&) {
            known = true;
        }
        if (!known) {
            earlier.confirm();
            co_return queue::BegunStep{.answer = queue::StepBegin::kFresh};
        }
    }
    auto begin = [&](pg::Transaction& tx) {
        write_in(tx, earlier);
        auto begun = queue::begin_step(tx, guard(), job_.attempt, name, hash);
        if (begun.answer == queue::StepBegin::kFresh) {
            tx.note_held_by(this);
            if (options.prepare) options.prepare(tx, call);
        }
        return begun;
    };
    auto begun = co_await persist(begin);
    earlier.confirm();
    co_return begun;
}

asio::awaitable<void> LiveAttempt::restart_step(const std::string& name, const StepCall& call,
                                                const StepOptions& options) {
    auto restart = [&](pg::Transaction& tx) {
        if (!queue::restart_step(tx, guard(), job_.attempt, name)) throw LeaseLost{};
        tx.note_held_by(this);
        if (options.prepare) options.prepare(tx, call);
    };
    co_await persist(restart);
}

asio::awaitable<json> LiveAttempt::step(std::string name, json input, StepBody body, StepOptions options) {
    heartbeat();
    stepped_.store(true, std::memory_order_relaxed);
    const auto hash = hash_of(input);
    StepCall call{fmt::format("{}:{}", job_.id.to_string(), name), false};

    const auto begun = co_await begin_step(name, hash, call, options);
    require_same_input(begun, name);
    if (begun.answer == queue::StepBegin::kDone) co_return json::parse(begun.result);
    if (begun.answer == queue::StepBegin::kUnknown) {
        call.repeated = true;
        if (options.verify) {
            if (auto happened = co_await options.verify(call)) {
                const std::string verified = core::storable_json(*happened);
                auto settle = [&](pg::Transaction& tx) { settle_in(tx, name, queue::StepStatus::kDone, verified); };
                co_await persist(settle);
                co_return std::move(*happened);
            }
        } else if (!options.repeatable) {
            fail_for_unknown_effect(
                job_, name,
                fmt::format("an earlier attempt began step \"{}\" and ended before its result was known", name));
        }
        co_await restart_step(name, call, options);
    }

    auto end = co_await run_body(body, call);
    if (end.status == queue::StepStatus::kIntended) std::rethrow_exception(end.error);
    if (end.result && options.settle_with_next) {
        unsettled_.add({std::move(name), core::storable_json(*end.result), std::move(options.keep)});
        heartbeat();
        co_return std::move(*end.result);
    }
    // What the body did is written down also where a cancellation came meanwhile: else the effect would be unknown.
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto not_settled = co_await settle(name, end, options);
    co_await asio::this_coro::throw_if_cancelled(true);
    if (not_settled) std::rethrow_exception(not_settled);
    // Another attempt could only say the same.
    if (end.status == queue::StepStatus::kUnknown && !options.repeatable && !options.verify)
        fail_for_unknown_effect(job_, name, fmt::format("the effect of step \"{}\" is unknown: {}", name, end.message));
    if (end.error) std::rethrow_exception(end.error);
    heartbeat();
    co_return std::move(*end.result);
}

asio::awaitable<std::exception_ptr> LiveAttempt::settle(const std::string& name, const BodyEnd& end,
                                                        const StepOptions& options) {
    const std::string record = end.result ? core::storable_json(*end.result) : end.message;
    UnsettledSteps::Batch earlier{unsettled_};
    auto settle = [&](pg::Transaction& tx) {
        write_in(tx, earlier);
        settle_in(tx, name, end.status, record);
        if (end.result && options.keep) options.keep(tx);
    };
    std::exception_ptr not_settled;
    try {
        co_await persist(settle);
        earlier.confirm();
    } catch (...) {  // whatever it is: it is thrown on as soon as cancellations throw again
        not_settled = std::current_exception();
    }
    co_return not_settled;
}

}  // namespace oiab::runtime

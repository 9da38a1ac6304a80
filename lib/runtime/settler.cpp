#include "runtime/settler.hpp"

#include <algorithm>

namespace oiab::runtime {

using std::chrono::milliseconds;

core::Outcome with_backoff(core::Outcome outcome, const LiveAttempt& attempt, core::Random& random) {
    if (auto* retry = std::get_if<core::Retry>(&outcome); retry != nullptr && !retry->after) {
        const auto policy = attempt.entry() != nullptr ? attempt.entry()->settings.retry : core::RetryPolicy{};
        retry->after =
            std::max(policy.backoff(attempt.job().attempt, random), retry->at_least.value_or(milliseconds::zero()));
    }
    return outcome;
}

Settler::Settler(const pg::SessionSettings& session, Settings settings, AttemptTable& attempts, AttemptWorld& world,
                 const Service::EngineFailed& failed, const Hooks& hooks)
    : world_{world},
      outcomes_{settings.max_batch, hooks.more_soon},
      first_{OutcomeQueue::Writer::kFirst,
             session,
             {.delete_on_complete = settings.delete_on_complete, .gather = settings.gather},
             outcomes_,
             attempts,
             world,
             {.committed = hooks.committed, .call = [this](OutcomeQueue::Calls calls) { call(calls); }},
             failed},
      second_{OutcomeQueue::Writer::kSecond,
              session,
              {.delete_on_complete = settings.delete_on_complete},
              outcomes_,
              attempts,
              world,
              {.committed = hooks.committed, .call = [this](OutcomeQueue::Calls calls) { call(calls); }},
              failed} {}

void Settler::settle(AttemptPtr attempt, core::Outcome outcome) {
    outcome = with_backoff(std::move(outcome), *attempt, world_.random);
    call(outcomes_.add({std::move(attempt), std::move(outcome)}));
}

void Settler::start() {
    first_.start();
    second_.start();
}

void Settler::join() {
    // What the second one could not write is the first one's, so it goes first.
    second_.request_stop();
    second_.join();
    first_.request_stop();
    first_.join();
}

bool Settler::cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
    const bool first = first_.cut_if_overstaying(limit);
    const bool second = second_.cut_if_overstaying(limit);
    return first || second;
}

void Settler::call(OutcomeQueue::Calls calls) {
    if (calls.first) first_.ring();
    if (calls.second) second_.ring();
}

}  // namespace oiab::runtime

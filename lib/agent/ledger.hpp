#pragma once
/// @file  What a job may still spend, setting it aside before a call, and writing down what the call cost. Lane threads
/// only; every function blocks and throws what the transaction does. docs/budgets.md tells the whole of it.

#include <chrono>
#include <optional>
#include <string>

#include "agent/budget.hpp"
#include "agent/model_choice.hpp"
#include "agent/person.hpp"
#include "core/job.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

/// Whose money it is. The tenant's limit is looked up.
struct Payer {
    std::optional<core::UserId> user_id{};
    std::optional<core::TenantId> tenant_id{};
    std::optional<double> monthly_limit_usd{};
    std::optional<double> per_request_limit_usd{};
};
[[nodiscard]] Payer payer_of(const Person& person);
/// For work that is nobody's request, such as a backfill: the monthly limits alone count.
[[nodiscard]] Payer find_payer(pg::Transaction& tx, std::optional<core::UserId> user,
                               std::optional<core::TenantId> tenant);

/// The limits that hold for the payer, with what is spent and what other calls have set aside.
/// @param request_id  the call that asks, whose own reservation is left out; empty for none
[[nodiscard]] Budget load_budget(pg::Transaction& tx, const Payer& payer, core::JobId job,
                                 const std::string& request_id = {});

/// Zero in all parts where the price is not known.
[[nodiscard]] Price load_price(pg::Transaction& tx, const ModelChoice& model);

/// One call of a model.
struct Charge {
    /// The step's idempotency key: a call is counted once, however often an attempt repeats. begin_call replaces it
    /// where an earlier call of the same name was charged but its answer was lost: both were billed.
    std::string request_id;
    core::JobId job_id;
    std::string session_id;  ///< empty for none
    std::string purpose;     ///< chat, plan, subtask, synthesize, embedding
    ModelChoice model;
    TokenCount tokens;
    double cost_usd = 0;
    bool uncertain = false;  ///< an estimate: the provider did not tell, or its answer was lost
    std::chrono::milliseconds duration{0};
};

enum class AnswerLength {
    kOpen,  ///< as long as the model likes, up to its bound
    kNone,  ///< there is none: an embedding
};

struct BegunCall {
    Admission admission;
    Price price;
};
/// Decides about a call under the attempt's guard and, where it is granted, sets aside what it can cost at most. Call
/// it right before the request is sent. Two calls of one user, or of one tenant with a limit, cannot both be granted
/// the same money. What earlier attempts of the job lost is charged by estimate.
/// @param charge  with request_id, job, session, purpose, model and tokens.input by estimate
/// @throws LeaseLost
[[nodiscard]] BegunCall begin_call(pg::Transaction& tx, Attempt& attempt, const Payer& payer, Charge& charge,
                                   AnswerLength length);

/// Charges a call that was made and frees what was set aside for it. In a transaction that holds the attempt's guard:
/// else somebody else may have charged the call as lost already.
/// @param epoch  of the attempt that made the call
void end_call(pg::Transaction& tx, const Payer& payer, core::LeaseEpoch epoch, const Charge& charge);

/// Frees what was set aside for a call that brought no answer; where the provider may bill it nevertheless, it is
/// charged as an estimate. Under the attempt's guard. @throws LeaseLost
void abandon_call(pg::Transaction& tx, const Payer& payer, Attempt& attempt, Charge charge, bool may_be_billed);

/// Ends the attempt over a call that was not granted: failed(budget), or snoozed until others are settled.
[[noreturn]] void end_without(const Admission& admission, Attempt& attempt);

}  // namespace oiab::agent

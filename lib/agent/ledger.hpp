#pragma once
/// @file  What a job may still spend, and writing down what it spent. Lane threads only; every function blocks and
/// throws what the transaction does.

#include <chrono>
#include <string>

#include "agent/budget.hpp"
#include "agent/model_choice.hpp"
#include "agent/person.hpp"
#include "core/job.hpp"

namespace oiab::agent {

/// The limits of the user and of the tenant, with what both have spent this month and what this job has.
[[nodiscard]] Budget load_budget(pg::Transaction& tx, const Person& person, core::JobId job);

/// Zero in all parts where the price is not known.
[[nodiscard]] Price load_price(pg::Transaction& tx, const ModelChoice& model);

/// One call of a model.
struct Charge {
    std::string request_id;  ///< the step's idempotency key: a call is counted once, however often an attempt repeats
    core::JobId job_id;
    std::string session_id;  ///< empty for none
    std::string purpose;     ///< chat, plan, subtask, synthesize, embedding
    ModelChoice model;
    TokenCount tokens;
    double cost_usd = 0;
    bool uncertain = false;  ///< an estimate: the provider did not tell, or its answer was lost
    std::chrono::milliseconds duration{0};
};

/// @param person  who is charged
void record_charge(pg::Transaction& tx, const Person& person, const Charge& charge);

}  // namespace oiab::agent

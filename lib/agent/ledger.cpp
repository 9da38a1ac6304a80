#include "agent/ledger.hpp"

#include "store/additions.hpp"
#include "store/providers.hpp"
#include "store/reservations.hpp"
#include "store/usage.hpp"

namespace oiab::agent {
namespace {

/// Most calls are settled within seconds. A turn that waits holds no slot meanwhile and loses no attempt.
constexpr std::chrono::seconds kWaitForOthers{2};

store::UsageEvent event_of(const Payer& payer, const Charge& charge) {
    store::UsageEvent event;
    event.request_id = charge.request_id;
    event.tenant_id = payer.tenant_id;
    event.user_id = payer.user_id;
    event.session_id = charge.session_id;
    event.job_id = charge.job_id;
    event.purpose = charge.purpose;
    event.provider = charge.model.provider;
    event.model = charge.model.model;
    event.input_tokens = charge.tokens.input;
    event.output_tokens = charge.tokens.output;
    event.cache_read_tokens = charge.tokens.cache_read;
    event.cache_write_tokens = charge.tokens.cache_write;
    event.reasoning_tokens = charge.tokens.reasoning;
    event.cost_usd = charge.cost_usd;
    event.uncertain = charge.uncertain;
    event.duration = charge.duration;
    return event;
}

store::Reservation reservation_of(const Payer& payer, const Attempt& attempt, const Charge& charge) {
    store::Reservation reservation;
    reservation.request_id = charge.request_id;
    reservation.attempt = attempt.job().key();
    reservation.tenant_id = payer.tenant_id;
    reservation.user_id = payer.user_id;
    reservation.session_id = charge.session_id;
    reservation.purpose = charge.purpose;
    reservation.provider = charge.model.provider;
    reservation.model = charge.model.model;
    reservation.input_tokens = charge.tokens.input;
    return reservation;
}

/// Sums are read only where a limit asks for them: most users have none.
Budget budget_of(const Payer& payer, const std::optional<double>& tenant_limit, const store::Spending& spending) {
    Budget budget;
    const auto add = [&](Limit::Of of, const std::optional<double>& limit, double spent, double open) {
        if (limit) budget.limits.push_back({of, *limit, spent, open});
    };
    if (payer.user_id) add(Limit::Of::kUserMonth, payer.monthly_limit_usd, spending.user_spent, spending.user_open);
    add(Limit::Of::kRequest, payer.per_request_limit_usd, spending.job_spent, 0);
    if (payer.tenant_id) add(Limit::Of::kTenantMonth, tenant_limit, spending.tenant_spent, spending.tenant_open);
    return budget;
}

std::optional<double> find_tenant_limit(pg::Transaction& tx, const Payer& payer) {
    return payer.tenant_id ? store::find_tenant_month_limit(tx, *payer.tenant_id) : std::nullopt;
}

std::string kind_of(const ModelChoice& model) { return model.row ? model.row->kind : ""; }

Price price_of(const store::CallTerms& terms) {
    if (!terms.price) return {};
    return {terms.price->input_usd_per_million, terms.price->output_usd_per_million,
            terms.price->cache_read_usd_per_million, terms.price->cache_write_usd_per_million,
            terms.price->max_output_tokens};
}

/// Whose budgets have to be decided about one call at a time.
struct Limited {
    std::optional<core::UserId> user;
    std::optional<core::TenantId> tenant;
    std::optional<core::JobId> job;

    Limited(const Payer& payer, const std::optional<double>& tenant_limit, core::JobId of_job) {
        if (payer.monthly_limit_usd) user = payer.user_id;
        if (tenant_limit) tenant = payer.tenant_id;
        if (payer.per_request_limit_usd) job = of_job;
    }
    [[nodiscard]] bool by_anything() const noexcept { return user || tenant || job; }
};

}  // namespace

Payer payer_of(const Person& person) {
    return {person.user_id, person.tenant_id, person.permissions.monthly_limit_usd,
            person.permissions.per_request_limit_usd};
}

Payer find_payer(pg::Transaction& tx, std::optional<core::UserId> user, std::optional<core::TenantId> tenant) {
    Payer payer{user, tenant, std::nullopt, std::nullopt};
    const auto permissions = user ? find_permissions(tx, *user) : std::nullopt;
    if (!permissions) return payer;
    payer.monthly_limit_usd = permissions->monthly_limit_usd;
    return payer;
}

Budget load_budget(pg::Transaction& tx, const Payer& payer, core::JobId job, const std::string& request_id) {
    const auto tenant_limit = find_tenant_limit(tx, payer);
    const Limited limited{payer, tenant_limit, job};
    if (!limited.by_anything()) return {};
    return budget_of(payer, tenant_limit,
                     store::load_spending(tx, limited.user, limited.tenant, limited.job, request_id));
}

Price load_price(pg::Transaction& tx, const ModelChoice& model) {
    return price_of(store::find_terms(tx, model.provider, kind_of(model), model.model, std::nullopt));
}

BegunCall begin_call(pg::Transaction& tx, Attempt& attempt, const Payer& payer, Charge& charge, AnswerLength length) {
    attempt.guard_in(tx);
    const core::JobId job = attempt.job().id;
    BegunCall call;
    const auto terms =
        store::find_terms(tx, charge.model.provider, kind_of(charge.model), charge.model.model, payer.tenant_id);
    call.price = price_of(terms);
    const auto& tenant_limit = terms.tenant_month_limit;
    const Limited limited{payer, tenant_limit, job};
    // The locks come before everything that is read about money: what is read afterwards holds until the commit.
    if (limited.user || limited.tenant) store::lock_budgets(tx, limited.user, limited.tenant);
    const bool first_attempt = attempt.job().lease_epoch.value <= 1;
    if (!first_attempt || limited.user || limited.tenant) {
        store::charge_lost_reservations(tx, job, limited.user, limited.tenant);
    }
    if (!first_attempt && store::is_charged(tx, charge.request_id)) {
        charge.request_id += ":again-" + std::to_string(attempt.job().lease_epoch.value);
    }
    Budget budget;
    if (limited.by_anything()) {
        budget = budget_of(payer, tenant_limit,
                           store::load_spending(tx, limited.user, limited.tenant, limited.job, charge.request_id));
    }
    auto cost = CallCost::of(charge.tokens.input, call.price);
    if (length == AnswerLength::kNone) cost.max_output_tokens = 0;
    call.admission = budget.admit(cost);
    if (call.admission.answer != Admit::kGranted) return call;
    auto reservation = reservation_of(payer, attempt, charge);
    reservation.estimate_usd = cost_usd(charge.tokens, call.price);
    reservation.reserved_usd = call.admission.reserved_usd;
    store::add_reservation(tx, reservation);
    return call;
}

void end_call(pg::Transaction& tx, const Payer& payer, core::LeaseEpoch epoch, const Charge& charge) {
    store::add_usage(tx, event_of(payer, charge));
    store::add_release(tx, charge.request_id, epoch);
}

void abandon_call(pg::Transaction& tx, const Payer& payer, Attempt& attempt, Charge charge, bool may_be_billed) {
    attempt.guard_in(tx);
    const auto epoch = attempt.job().lease_epoch;
    const bool was_reserved = store::release_reservation(tx, charge.request_id, epoch);
    if (!may_be_billed || !was_reserved) return;
    charge.request_id += ":lost-" + std::to_string(epoch.value);
    charge.uncertain = true;
    const auto event = event_of(payer, charge);
    store::record_usage(tx, {&event, 1});
}

void end_without(const Admission& admission, Attempt& attempt) {
    if (admission.answer == Admit::kRefused) {
        throw EndAttempt{core::failed(core::FailureReason::kBudget, admission.why)};
    }
    attempt.log(LogLevel::kInfo,
                "what is left of the budget is set aside for calls that are under way; waits for them");
    throw EndAttempt{core::snoozed(kWaitForOthers)};
}

}  // namespace oiab::agent

#include "agent/ledger.hpp"

#include "store/usage.hpp"

namespace oiab::agent {

Budget load_budget(pg::Transaction& tx, const Person& person, core::JobId job) {
    Budget budget;
    budget.monthly_limit_usd = person.permissions.monthly_limit_usd;
    budget.per_request_limit_usd = person.permissions.per_request_limit_usd;
    // Sums are read only where a limit asks for them: most users have none.
    if (budget.monthly_limit_usd) budget.spent_this_month_usd = store::month_spending(tx, person.user_id);
    if (budget.per_request_limit_usd) budget.spent_this_request_usd = store::job_spending(tx, job);
    if (person.tenant_id) {
        budget.tenant_limit_usd = store::find_tenant_month_limit(tx, *person.tenant_id);
        if (budget.tenant_limit_usd) budget.tenant_spent_usd = store::month_spending(tx, *person.tenant_id);
    }
    return budget;
}

Price load_price(pg::Transaction& tx, const ModelChoice& model) {
    const auto price = store::find_price(tx, model.provider, model.model);
    if (!price) return {};
    return {price->input_usd_per_million, price->output_usd_per_million, price->cache_read_usd_per_million,
            price->cache_write_usd_per_million};
}

void record_charge(pg::Transaction& tx, const Person& person, const Charge& charge) {
    store::UsageEvent event;
    event.request_id = charge.request_id;
    event.tenant_id = person.tenant_id;
    event.user_id = person.user_id;
    event.session_id = charge.session_id;
    event.job_id = charge.job_id;
    event.purpose = charge.purpose;
    event.provider = charge.model.provider;
    event.model = charge.model.model;
    event.input_tokens = charge.tokens.input;
    event.output_tokens = charge.tokens.output;
    event.cache_read_tokens = charge.tokens.cache_read;
    event.cache_write_tokens = charge.tokens.cache_write;
    event.cost_usd = charge.cost_usd;
    event.uncertain = charge.uncertain;
    event.duration = charge.duration;
    store::record_usage(tx, {&event, 1});
}

}  // namespace oiab::agent

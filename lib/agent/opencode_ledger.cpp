#include "agent/opencode_ledger.hpp"

#include "store/usage.hpp"

namespace oiab::agent {

OpencodeSum charge_opencode_calls(pg::Transaction& tx, const Person& person, core::JobId job,
                                  const std::string& session_id, const std::string& purpose,
                                  std::span<const OpencodeCall> calls) {
    OpencodeSum sum;
    std::vector<store::UsageEvent> events;
    for (const auto& call : calls) {
        // Thoughts are paid for like words.
        const TokenCount tokens{call.tokens.input, call.tokens.output + call.tokens.reasoning, call.tokens.cache_read,
                                call.tokens.cache_write};
        auto& event = events.emplace_back();
        event.request_id = call.request_id;
        event.tenant_id = person.tenant_id;
        event.user_id = person.user_id;
        event.session_id = session_id;
        event.job_id = job;
        event.purpose = purpose;
        event.provider = call.provider;
        event.model = call.model;
        event.input_tokens = call.tokens.input;
        event.output_tokens = call.tokens.output;
        event.cache_read_tokens = call.tokens.cache_read;
        event.cache_write_tokens = call.tokens.cache_write;
        event.reasoning_tokens = call.tokens.reasoning;
        event.cost_usd =
            call.cost_usd > 0 ? call.cost_usd : cost_usd(tokens, load_price(tx, {call.provider, call.model}));
        event.uncertain = call.uncertain;
        event.duration = call.duration;
    }
    store::record_usage(tx, events);
    // After recording: what another turn records at the same time has won or lost by now.
    sum.of_others = store::find_requests_of_other_jobs(tx, events, job);
    for (const auto& event : events) {
        if (sum.of_others.contains(event.request_id)) continue;
        sum.cost_usd += event.cost_usd;
        sum.tokens.input += event.input_tokens;
        sum.tokens.output += event.output_tokens + event.reasoning_tokens;
        sum.tokens.cache_read += event.cache_read_tokens;
        sum.tokens.cache_write += event.cache_write_tokens;
    }
    return sum;
}

}  // namespace oiab::agent

#include "handlers/analytics_write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "handlers/analytics_events.hpp"
#include "handlers/payload.hpp"

namespace oiab::handlers {
namespace {

std::string write(pg::Transaction& tx, AnalyticsEvents events) {
    if (const auto fault = store::resolve_owners(tx, events.owners))
        Payload::refuse(fmt::format("events[{}].{}", fault->index, fault->field), fault->what);

    std::vector<store::ToolEvent> tools;
    for (auto& [index, tool] : events.tools) {
        tool.owner = events.owners[index];
        tools.push_back(std::move(tool));
    }
    std::vector<store::UsageEvent> usage;
    for (auto& [index, call] : events.usage) {
        const auto& owner = events.owners[index];
        call.tenant_id = owner.tenant_id;
        call.user_id = owner.user_id;
        call.session_id = owner.session_id;
        call.job_id = owner.job_id;
        usage.push_back(std::move(call));
    }
    const auto kept_tools = store::record_tool_events(tx, tools);
    const auto kept_usage = store::record_usage(tx, usage);
    // Told rather than passed over: what was spent would count against nobody's budget.
    if (const auto foreign = store::find_foreign_requests(tx, usage); !foreign.empty()) {
        const auto known =
            std::ranges::find_if(usage, [&](const auto& call) { return foreign.contains(call.request_id); });
        const auto place = events.usage.at(static_cast<std::size_t>(known - usage.begin())).index;
        Payload::refuse(fmt::format("events[{}].requestId", place), "is in use by another tenant");
    }
    return nlohmann::json{{"toolEvents", kept_tools},
                          {"usageEvents", kept_usage},
                          {"alreadyKnown", tools.size() + usage.size() - kept_tools - kept_usage}}
        .dump();
}

}  // namespace

boost::asio::awaitable<core::Outcome> AnalyticsWrite::run(Attempt& attempt) {
    const AnalyticsEvents events = read_analytics(attempt.job());
    std::function<std::string(pg::Transaction&)> body = [&](pg::Transaction& tx) { return write(tx, events); };
    co_return co_await attempt.complete_in(std::move(body));
}

}  // namespace oiab::handlers

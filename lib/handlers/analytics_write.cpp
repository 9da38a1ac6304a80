#include "handlers/analytics_write.hpp"

#include <fmt/format.h>

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

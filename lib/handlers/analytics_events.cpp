#include "handlers/analytics_events.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "handlers/payload.hpp"

namespace oiab::handlers {
namespace {

/// A statement's worth: some megabytes, some hundred milliseconds.
constexpr std::size_t kMaxEvents = 10'000;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxError = 2'000;
/// Counters are bigint in the table; no call of any model comes near this.
constexpr std::int64_t kMaxTokens = 1'000'000'000'000;
constexpr double kMaxCostUsd = 1'000'000;
/// A day: no call takes longer, and the column holds milliseconds in 32 bits.
constexpr std::int64_t kMaxDurationMs = 86'400'000;

std::string name_of(const Payload& event, std::string_view field, bool required) {
    auto text = required ? event.required_text(field) : event.optional_text(field, "");
    if (text.size() > kMaxName) event.reject(field, fmt::format("must have at most {} bytes", kMaxName));
    return text;
}

std::string hash_of(const Payload& event, std::string_view field) {
    auto text = event.optional_text(field, "");
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!text.empty() && (text.size() != 64 || !std::ranges::all_of(text, is_digit)))
        event.reject(field, "must be a SHA-256 in lower-case hexadecimal");
    return text;
}

std::optional<std::chrono::milliseconds> duration_of(const Payload& event) {
    if (event.find("durationMs") == nullptr) return std::nullopt;
    return std::chrono::milliseconds{event.required_integer("durationMs", 0, kMaxDurationMs)};
}

template <typename Id>
std::optional<Id> id_of(const Payload& event, std::string_view field, const std::optional<Id>& fallback = {}) {
    const auto id = event.optional_uuid(field);
    return id ? Id{*id} : fallback;
}

store::EventOwner read_owner(const Payload& event, const core::Job& job) {
    store::EventOwner owner;
    owner.tenant_id = id_of<core::TenantId>(event, "tenantId", job.tenant_id);
    if (job.tenant_id && owner.tenant_id != job.tenant_id) event.reject("tenantId", "is not the job's own tenant");
    owner.user_id = id_of<core::UserId>(event, "userId", job.user_id);
    owner.session_id = name_of(event, "sessionId", false);
    owner.job_id = id_of<core::JobId>(event, "jobId");
    return owner;
}

store::ToolEvent read_tool(const Payload& event, const core::Job& job, std::size_t index) {
    store::ToolEvent tool;
    // A producer's key counts within its job's tenant: nobody can use up another's.
    const auto key = name_of(event, "eventKey", false);
    tool.event_key = key.empty() ? fmt::format("{}:{}", job.id.to_string(), index)
                                 : fmt::format("{}:{}", job.tenant_id ? job.tenant_id->to_string() : "", key);
    tool.tool = name_of(event, "tool", true);
    tool.outcome = event.optional_text("outcome", "success");
    if (tool.outcome != "success" && tool.outcome != "failure" && tool.outcome != "denied")
        event.reject("outcome", "must be success, failure or denied");
    tool.input_hash = hash_of(event, "inputHash");
    tool.output_hash = hash_of(event, "outputHash");
    tool.duration = duration_of(event);
    tool.error = event.optional_text("error", "");
    if (tool.error.size() > kMaxError) event.reject("error", fmt::format("must have at most {} bytes", kMaxError));
    return tool;
}

store::UsageEvent read_usage(const Payload& event) {
    const auto tokens = [&](std::string_view field) { return event.optional_integer(field, 0, 0, kMaxTokens); };
    store::UsageEvent usage;
    usage.request_id = name_of(event, "requestId", true);
    usage.purpose = name_of(event, "purpose", false);
    if (usage.purpose.empty()) usage.purpose = "chat";
    usage.provider = name_of(event, "provider", false);
    usage.model = name_of(event, "model", true);
    usage.input_tokens = tokens("inputTokens");
    usage.output_tokens = tokens("outputTokens");
    usage.cache_read_tokens = tokens("cacheReadTokens");
    usage.cache_write_tokens = tokens("cacheWriteTokens");
    usage.reasoning_tokens = tokens("reasoningTokens");
    usage.cost_usd = event.optional_number("costUsd", 0, 0, kMaxCostUsd);
    usage.uncertain = event.optional_flag("uncertain");
    usage.duration = duration_of(event);
    return usage;
}

}  // namespace

AnalyticsEvents read_analytics(const core::Job& job) {
    const Payload payload{job.payload};
    AnalyticsEvents read;
    for (const auto& event : payload.required_objects("events", kMaxEvents)) {
        const auto index = read.owners.size();
        read.owners.push_back(read_owner(event, job));
        const auto type = event.required_text("type");
        if (type == "tool") {
            read.tools.push_back({index, read_tool(event, job, index)});
        } else if (type == "usage") {
            read.usage.push_back({index, read_usage(event)});
        } else {
            event.reject("type", "must be tool or usage");
        }
    }
    return read;
}

}  // namespace oiab::handlers

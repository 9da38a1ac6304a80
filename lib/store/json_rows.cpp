#include "store/json_rows.hpp"

#include "store/rows.hpp"

namespace oiab::store::rows {
namespace {

using nlohmann::json;

json parsed_or_null(const std::optional<std::string>& text) { return text ? json::parse(*text) : json(nullptr); }
json text_or_null(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

}  // namespace

json json_row(const AuditEntry& entry) {
    return {{"entry_key", text_or_null(entry.entry_key)},
            {"tenant_id", json_of(entry.tenant_id)},
            {"user_id", json_of(entry.user_id)},
            {"actor", entry.actor},
            {"action", entry.action},
            {"target", json_or_null(entry.target)},
            {"session_id", json_or_null(entry.session_id)},
            {"channel", json_or_null(entry.channel)},
            {"duration_ms", entry.duration ? json(entry.duration->count()) : json(nullptr)},
            {"payload", entry.payload.empty() ? json(nullptr) : json::parse(entry.payload)}};
}

json json_row(const NewMessage& message) {
    return {{"role", message.role},
            {"content", message.content},
            {"parts", parsed_or_null(message.parts)},
            {"tool_calls", parsed_or_null(message.tool_calls)},
            {"tool_call_id", text_or_null(message.tool_call_id)},
            {"model", text_or_null(message.model)},
            {"job_id", message.job_id.to_string()},
            {"step", message.step},
            {"ordinal", message.ordinal},
            {"metadata", json::parse(message.metadata)}};
}

json json_row(const UsageEvent& event) {
    return {{"request_id", event.request_id},
            {"tenant_id", json_of(event.tenant_id)},
            {"user_id", json_of(event.user_id)},
            {"session_id", json_or_null(event.session_id)},
            {"job_id", json_of(event.job_id)},
            {"purpose", event.purpose},
            {"provider", json_or_null(event.provider)},
            {"model", json_or_null(event.model)},
            {"input_tokens", event.input_tokens},
            {"output_tokens", event.output_tokens},
            {"cache_read_tokens", event.cache_read_tokens},
            {"cache_write_tokens", event.cache_write_tokens},
            {"reasoning_tokens", event.reasoning_tokens},
            {"cost_usd", event.cost_usd},
            {"uncertain", event.uncertain},
            {"duration_ms", event.duration ? json(event.duration->count()) : json(nullptr)}};
}

}  // namespace oiab::store::rows

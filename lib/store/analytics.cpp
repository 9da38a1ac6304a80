#include "store/analytics.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

using nlohmann::json;

json describe(const EventOwner& owner) {
    return {{"tenant_id", rows::json_of(owner.tenant_id)},
            {"user_id", rows::json_of(owner.user_id)},
            {"session_id", rows::json_or_null(owner.session_id)},
            {"job_id", rows::json_of(owner.job_id)}};
}

}  // namespace

std::optional<OwnerFault> resolve_owners(pg::Transaction& tx, std::span<EventOwner> owners) {
    auto list = json::array();
    for (const auto& owner : owners) {
        auto described = describe(owner);
        described["n"] = list.size();
        list.push_back(std::move(described));
    }
    for (const auto& row : tx.run(sql::resolve_owners, pqxx::params{rows::dump(list)})) {
        const auto index = row["n"].as<std::size_t>();
        if (!row["field"].is_null())
            return OwnerFault{index, rows::read_text(row["field"]), rows::read_text(row["what"])};
        owners[index].tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    }
    return std::nullopt;
}

std::size_t record_tool_events(pg::Transaction& tx, std::span<const ToolEvent> events) {
    if (events.empty()) return 0;
    auto list = json::array();
    for (const auto& event : events) {
        auto described = describe(event.owner);
        described["event_key"] = event.event_key;
        described["tool"] = event.tool;
        described["outcome"] = event.outcome;
        described["input_hash"] = rows::json_or_null(event.input_hash);
        described["output_hash"] = rows::json_or_null(event.output_hash);
        described["duration_ms"] = event.duration ? json(event.duration->count()) : json(nullptr);
        described["error"] = rows::json_or_null(event.error);
        list.push_back(std::move(described));
    }
    return static_cast<std::size_t>(tx.run(sql::record_tool_events, pqxx::params{rows::dump(list)}).size());
}

}  // namespace oiab::store

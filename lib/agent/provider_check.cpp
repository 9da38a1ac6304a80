#include "agent/provider_check.hpp"

#include <nlohmann/json.hpp>

namespace oiab::agent {

store::CheckRecorded record_check(pg::Transaction& tx, const store::ProviderRecord& record, const RowCheck& found) {
    const auto row = core::Uuid::parse(record.row.id);
    if (!row) return store::CheckRecorded::kOutdated;
    store::ProviderCheck check;
    check.row = *row;
    check.credentials = record.row.credentials;
    check.error = found.error;
    if (found.verdict == CheckVerdict::kWorks) {
        check.latency = found.latency;
        if (!found.models.empty()) check.models = nlohmann::json(found.models).dump();
    }
    return store::record_provider_check(tx, check);
}

}  // namespace oiab::agent

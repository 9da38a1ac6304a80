#pragma once
/// @file  The payload of analytics-write as records. Pure.

#include <vector>

#include "core/job.hpp"
#include "store/analytics.hpp"
#include "store/usage.hpp"

namespace oiab::handlers {

/// Owners stand apart, because the database has a word about them: owners[i] is of the payload's event i.
struct AnalyticsEvents {
    struct Tool {
        std::size_t index;  ///< in the payload
        store::ToolEvent event;
    };
    struct Usage {
        std::size_t index;
        store::UsageEvent event;
    };
    std::vector<Tool> tools;
    std::vector<Usage> usage;
    std::vector<store::EventOwner> owners;
};

/// Reads all events; what an event does not name is the job's. @throws EndAttempt(failed(invalid_payload)), naming the
/// first event and field that is not as it must be: one bad event fails them all.
[[nodiscard]] AnalyticsEvents read_analytics(const core::Job& job);

}  // namespace oiab::handlers

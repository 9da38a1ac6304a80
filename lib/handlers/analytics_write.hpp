#pragma once
/// @file  Kind analytics-write: `{events: […]}`. What producers report of tools and model calls becomes rows of
/// tool_events and usage_events, each event once.

#include "oiab/handler.hpp"

namespace oiab::handlers {

class AnalyticsWrite final : public Handler {
public:
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;
};

}  // namespace oiab::handlers

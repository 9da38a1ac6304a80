#pragma once
/// @file  Kind trigger-fire: `{triggerId, scheduledAt?, payload?}`. A row of `triggers` becomes a job. With scheduledAt
/// it is a firing of the leader's cron; without, a webhook's or an operator's.

#include "oiab/handler.hpp"

namespace oiab::handlers {

class TriggerFire final : public Handler {
public:
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;
};

}  // namespace oiab::handlers

#pragma once
/// @file  Kind provider-refresh: `{providerId?}`. Checks the credentials of one provider row or of all that are
/// switched on, and writes down what it found: models, latency, the time and the error.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class ProviderRefresh final : public Handler {
public:
    explicit ProviderRefresh(std::shared_ptr<const agent::AgentWorld> world);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers

#pragma once
/// @file  Kind dispatch-synthesize: `{dispatchId}`. The members' results become one answer in the parent session.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class DispatchSynthesize final : public Handler {
public:
    explicit DispatchSynthesize(std::shared_ptr<const agent::AgentWorld> world);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers
